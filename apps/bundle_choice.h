// The options of a bundle that stands where a model does.
// Threads: one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "bundle/files/open_bundle.h"

namespace arete::apps {

struct BundleChoice {
  std::string variant;  // "": the first for this platform, else for any
  bundle::KeyFiles keys;
};

// --variant, --key and --grants.
void add_bundle_choice(CLI::App& app, BundleChoice& choice);
// --key and --grants alone. From when --key is read on, the process leaves no core files.
void add_key_options(CLI::App& app, bundle::KeyFiles& keys);

}  // namespace arete::apps
