// The drift reference that goes into a bundle: how the model's inputs and answers lie on DATA, for the devices to watch
// live ones against. Threads: one. Blocks for a run of every sample.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

#include "apps/bundle_variants.h"
#include "bundle/manifest.h"
#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

struct ReferenceRequest {
  std::string data;
  std::size_t samples = 10'000;
};

void add_reference_options(CLI::App& app, ReferenceRequest& request);

// Fills in the manifest's reference; -> the file's bytes, "" without data. The answers are those of the float model at
// `original`, where there is one, else the first variant's.
Result<std::string> make_drift_reference(const ReferenceRequest& request, const std::string& original,
                                         engine::Engine& engine, int threads, const ModelVariant& first,
                                         bundle::Manifest& manifest);

}  // namespace arete::apps
