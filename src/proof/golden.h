// Golden: inputs of a model with the answers that it must give, the NAME.golden.npz beside NAME.onnx.
//
// optimize writes it from the original model; a server that is about to let a model answer, and a device that is
// about to switch to it, run the inputs and compare. docs/formats/golden.md has the arrays.
// Not for: accuracy (accuracy.h), which needs labels and more samples.
// Threads: values and pure functions. Limits: below.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"

namespace arete::proof {

inline constexpr std::size_t kGoldenSamples = 16;  // that are written
inline constexpr std::size_t kMaxGoldenSamples = 256;
inline constexpr std::size_t kMaxGoldenBytes = std::size_t{256} << 20;

struct GoldenSample {
  std::vector<NamedTensor> inputs;   // whole, as one run takes them; in the model's order
  std::vector<NamedTensor> outputs;  // empty: what the model must answer is not known
};

struct Golden {
  std::vector<GoldenSample> samples;
  // For each output: an answer may be off by this share of the largest absolute value in it. Integers are exact.
  std::vector<double> tolerances;

  bool has_outputs() const { return !samples.empty() && !samples.front().outputs.empty(); }
};

// The file's bytes. kUnsupported for dtypes that .npy lacks (strings, bfloat16), kInvalid for samples whose shapes
// differ, as each array holds all samples.
Result<std::string> write_golden(const Golden& golden);

// kCorrupt for bytes that are no such file, kInvalid naming the array where it does not fit the model's inputs and
// outputs, kExhausted over a limit.
Result<Golden> parse_golden(std::span<const std::byte> bytes, std::span<const engine::ValueInfo> inputs,
                            std::span<const engine::ValueInfo> outputs);

// Seeded inputs without answers. Errors of random_inputs.
Result<Golden> random_golden(std::span<const engine::ValueInfo> inputs, std::uint64_t seed);

using RunModel = std::function<Result<std::vector<Tensor>>(std::span<const NamedTensor> inputs)>;

// Runs every sample alone and gives its outputs, in the order of the samples. kInvalid naming the sample and the
// output that is off by more than its tolerance; what a run says where it fails.
Result<std::vector<std::vector<Tensor>>> check_golden(const Golden& golden, const RunModel& run);

}  // namespace arete::proof
