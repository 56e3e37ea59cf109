// The golden file of a model: real inputs where there are any, the original's answers to them, and how far the model
// that is handed back may be off.
//
// Threads: one. Blocks for some runs of both models.
#pragma once

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "proof/golden.h"
#include "proof/sample_batch.h"

namespace arete::optimize {

// The first samples that both models can run, at most proof::kGoldenSamples, all of one shape. `chosen` may be the
// original itself. kUnsupported where answers cannot be compared as numbers, kNotFound without a sample.
Result<proof::Golden> golden_answers(SampleSource& samples, const proof::BatchRule& rule, engine::Session& original,
                                     engine::Session& chosen);

}  // namespace arete::optimize
