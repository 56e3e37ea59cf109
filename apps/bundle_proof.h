// The proof that goes into a bundle: golden samples, and how far each variant is from their answers.
// Threads: one. Blocks for a run of every sample by every variant.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/bundle_variants.h"
#include "bundle/manifest.h"
#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

struct ProofOptions {
  std::string golden, original;
  bool accept = false, unproven = false;
};

void add_proof_options(CLI::App& app, ProofOptions& options);

// Fills in the manifest's golden file and each variant's tolerances; -> the golden file's bytes, "" where the bundle is
// to be unproven. kInvalid for a variant that is too far from the answers, kNotFound without samples (says how to get
// some).
Result<std::string> prove_variants(const ProofOptions& options, engine::Engine& engine, int threads,
                                   std::vector<ModelVariant>& variants, bundle::Manifest& manifest);

}  // namespace arete::apps
