// Whether two runs gave the same: bit for bit, or within a tolerance as numpy.testing.assert_allclose judges it.
// Threads: pure.
#pragma once

#include <span>
#include <string>

#include "core/tensor.h"

namespace arete::conformance {

enum class Likeness {
  kBits,   // dtype, shape and every bit, those of NaNs too
  kClose,  // dtype, shape, and elements within the official runner's tolerances
};

inline constexpr double kRelativeTolerance = 1e-3;
inline constexpr double kAbsoluteTolerance = 1e-7;
inline constexpr double kBfloat16Tolerance = 1.0 / 64;  // relative; the official runner's for bfloat16

// "" when `got` is as `wanted`; else the output, how it differs, and the worst element.
std::string difference(std::span<const NamedTensor> wanted, std::span<const NamedTensor> got, Likeness likeness);
std::string difference(const Tensor& wanted, const Tensor& got, Likeness likeness);

}  // namespace arete::conformance
