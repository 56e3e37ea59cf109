// GoldenDifference: how far a model is from the golden answers, and the tolerance that follows from it.
//
// Not for: whether it is within a tolerance (golden.h). Threads: pure but for what `run` does.
#pragma once

#include <optional>
#include <vector>

#include "proof/golden.h"

namespace arete::proof {

// Of each output an answer may be off by this times what the model was off where it was measured, and at least by
// kLeastTolerance of the largest value: another processor rounds otherwise.
inline constexpr double kToleranceFactor = 1.5;
inline constexpr double kLeastTolerance = 1e-4;

// How far two outputs are apart, as a share of the largest absolute value of the first, at most 1. What is no float is
// equal (0) or not (1). kInvalid where their sizes differ.
Result<double> relative_difference(const Tensor& original, const Tensor& candidate);
// 0 for outputs that are no floats: those are exact.
double tolerance_for(double difference, DType dtype);

struct GoldenDifference {
  std::vector<double> differences;  // of each output, the largest of all samples
  std::optional<double> agreement;  // share of the rows with the answer's top-1, where the first output has one
};

// A model that is further off, or agrees on less, is no form of the original.
inline constexpr double kMostDifference = 0.1;
inline constexpr double kLeastAgreement = 0.9;
// kInvalid saying which output is how far off. `outputs` are the golden file's, in its order.
Status check_difference(const GoldenDifference& difference, std::span<const NamedTensor> outputs);

// Runs every sample. kInvalid for a golden file without answers, and what a run says where it fails.
Result<GoldenDifference> measure_golden(const Golden& golden, const RunModel& run);

}  // namespace arete::proof
