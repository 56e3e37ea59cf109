// RandomInputs: seeded inputs for a model of which no sample is at hand.
//
// Evidence of the weakest kind: enough to time a model and to see that two models compute the same,
// not to judge how accurate either is.
// Threads: pure functions. Exactness: the same seed gives the same bytes on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "proof/sample_batch.h"

namespace arete::proof {

// One tensor an input. Dynamic sizes become `batch` on the first axis and 1 elsewhere. Floats are
// uniform in [-1, 1), 8-bit integers over their whole range (pixels), wider integers and bools 0 or
// 1 (valid as index, mask and token), 4-bit integers any value.
// kUnsupported for strings, complex numbers, 8-bit floats and inputs of unknown rank: those need a
// real sample. kExhausted for sizes that no machine holds.
Result<std::vector<NamedTensor>> random_inputs(std::span<const engine::ValueInfo> inputs, std::uint64_t seed,
                                               std::int64_t batch = 1);

// `count` unlabelled samples of such inputs, made as they are asked for; single rows where the model's rule is exact.
// Same errors.
Result<std::unique_ptr<SampleSource>> random_samples(std::vector<engine::ValueInfo> inputs, std::uint64_t seed,
                                                     std::size_t count, const BatchRule& rule = {});

}  // namespace arete::proof
