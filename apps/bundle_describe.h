// What a bundle says of a model in words: the options for that, and the manifest that follows.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/bundle_variants.h"
#include "bundle/manifest.h"
#include "core/result.h"

namespace arete::apps {

struct DescribeOptions {
  std::string name, version, card, changelog, minimum_agent;
  std::uint64_t release = 1;
  std::vector<std::string> claims;
};

void add_describe_options(CLI::App& app, DescribeOptions& options);

// All but the proof, the files and the blobs. The first variant's model names what has no name and no card.
Result<bundle::Manifest> describe(const DescribeOptions& options, const std::string& engine,
                                  const std::vector<ModelVariant>& variants);

}  // namespace arete::apps
