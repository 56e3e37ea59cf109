// How a repository calls bundles and deltas, and what is signed of them beside their bytes
// (docs/formats/repository.md). Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bundle/digest.h"
#include "bundle/manifest.h"
#include "bundle/tuf_metadata.h"

namespace arete::bundle {

// "shoes/shoes-1.4.0.arete"
std::string bundle_target(const Manifest& manifest);
// "shoes/shoes-1.4.0-from-1a2b3c4d5e6f7081.delta", of the newer bundle's target and the older one's manifest.
std::string delta_target(const std::string& bundle_target, const Digest& older);

// kUntrusted for a path that leads elsewhere than below the targets (empty parts, "..", a leading "/", control
// characters), and for a SHA-256 that is not 64 digits in lower case.
Status check_target(const std::string& path, const tuf::FileInfo& info);

// What the publisher signed of a bundle.
struct Release {
  std::string model;
  std::string version;
  std::uint64_t release = 0;
  Digest manifest;
  std::string minimum_agent;  // "": any
};
// Nothing for targets that are no bundles, and for texts with control characters in them.
std::optional<Release> release_of(const tuf::FileInfo& target);

}  // namespace arete::bundle
