// How a repository calls bundles and deltas, and what is signed of them beside their bytes
// (docs/formats/repository.md). Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bundle/digest.h"
#include "bundle/manifest.h"
#include "bundle/tuf_metadata.h"

namespace arete::apps {

// "shoes/shoes-1.4.0.arete"
std::string bundle_target(const bundle::Manifest& manifest);
// "shoes/shoes-1.4.0-from-1a2b3c4d5e6f7081.delta", of the newer bundle's target and the older one's manifest.
std::string delta_target(const std::string& bundle_target, const bundle::Digest& older);

// What the publisher signed of a bundle.
struct Release {
  std::string model;
  std::string version;
  std::uint64_t release = 0;
  bundle::Digest manifest;
  std::string minimum_agent;  // "": any
};
// Nothing for targets that are no bundles.
std::optional<Release> release_of(const bundle::tuf::FileInfo& target);

}  // namespace arete::apps
