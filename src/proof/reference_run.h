// make_reference: a model runs over samples, and how its inputs and its answers lay becomes a watch::Reference.
//
// Each sample runs alone (a model of a fixed batch gets as many as it wants), as a device's requests come. What is
// counted of the answers: where the card says classification (without a card: where the first output has scores a
// class) the top-1 and its confidence, after the card's activation; else each output, as features are read of inputs.
// Labels are not looked at.
// Threads: one. Memory: one batch, and a ReferenceBuilder's. Blocks for all the runs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/model_card.h"
#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "proof/progress.h"
#include "watch/reference.h"

namespace arete::proof {

struct ReferenceOptions {
  std::optional<ModelCard> card;
  std::string predictor;        // Reference::predictor
  std::size_t max_samples = 0;  // 0: all
};

struct ReferenceRun {
  watch::Reference reference;
  std::size_t skipped = 0;           // samples that could not be read, or that the model refused
  std::vector<std::string> reasons;  // of the first few
};

// kInvalid where no sample is left, kExhausted for a model with too many features or classes, kCancelled.
Result<ReferenceRun> make_reference(engine::Session& session, SampleSource& samples, const ReferenceOptions& options,
                                    const Progress& progress = {});

}  // namespace arete::proof
