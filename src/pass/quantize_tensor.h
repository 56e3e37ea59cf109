// The arithmetic of quantisation on single tensors. Inside pass/ only.
// Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "pass/quantize.h"

namespace arete::pass {

// Symmetric int8: value = scale * q, one scale a slice along `axis`, or one for all.
struct QuantizedWeight {
  Tensor values;             // int8, the weight's shape
  std::vector<float> scale;  // one, or one a slice
};

// kInvalid where a number is NaN or infinite: no scale could hold it.
Status check_finite(std::span<const float> numbers, const std::string& name);

// `least_scale[i]` raises a slice's scale where it would be too small for its bias. `weight` must be
// float32 and finite; axis nullopt: one scale for all. Rounds to nearest even, clips to
// +-(2^(bits-1) - 1).
QuantizedWeight quantize_weight(const Tensor& weight, std::optional<std::size_t> axis, int bits,
                                const std::vector<float>& least_scale = {});

// int32 at scale_x * scale_w[c], saturating.
Tensor quantize_bias(const std::vector<float>& bias, float scale_x, const std::vector<float>& scale_w);

// The smallest weight scales at which the bias still fits int32 with room for the sum: a channel of
// weights near 0 would otherwise ask for a bias beyond the type.
std::vector<float> least_weight_scales(const std::vector<float>& bias, float scale_x, std::size_t count);

// Asymmetric uint8 over a range widened to hold 0.
struct ActivationParameters {
  float scale = 1;
  std::uint8_t zero_point = 0;
};
ActivationParameters activation_parameters(Range range);

}  // namespace arete::pass
