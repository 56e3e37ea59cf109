// The evaluation set that goes into a bundle: samples as the model takes them, with labels, and what each variant makes
// of them, as claims. Threads: one. Blocks for a run of every sample by every variant.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "apps/bundle_variants.h"
#include "bundle/manifest.h"
#include "core/result.h"

namespace arete::apps {

struct EvaluationOptions {
  std::string data;
  std::size_t samples = 1000;
};

void add_evaluation_options(CLI::App& app, EvaluationOptions& options);

// Fills in the manifest's evaluation file, a claim for each variant, and the card's labels where the data brought them;
// -> the file's bytes, "" without data. `engine` is the engine's name and version, for the claims.
Result<std::string> evaluate_variants(const EvaluationOptions& options, const std::string& engine,
                                      std::vector<ModelVariant>& variants, bundle::Manifest& manifest);

}  // namespace arete::apps
