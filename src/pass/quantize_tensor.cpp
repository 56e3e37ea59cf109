#include "pass/quantize_tensor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arete::pass {
namespace {

// How a tensor's elements fall into slices along an axis: element e belongs to (e / inner) % slices.
struct Slices {
  std::size_t count = 1;
  std::size_t inner = 1;
};

Slices slices_of(const Tensor& tensor, std::optional<std::size_t> axis) {
  if (!axis) return {1, static_cast<std::size_t>(std::max<std::int64_t>(tensor.size(), 1))};
  Slices slices{static_cast<std::size_t>(tensor.shape()[*axis]), 1};
  for (std::size_t i = *axis + 1; i < tensor.shape().size(); ++i)
    slices.inner *= static_cast<std::size_t>(tensor.shape()[i]);
  return slices;
}

}  // namespace

Status check_finite(std::span<const float> numbers, const std::string& name) {
  if (std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); })) return {};
  return Error{Code::kInvalid,
               "weight '" + name + "' holds NaN or infinite numbers, which int8 cannot; look at the training"};
}

QuantizedWeight quantize_weight(const Tensor& weight, std::optional<std::size_t> axis, int bits,
                                const std::vector<float>& least_scale) {
  const Slices slices = slices_of(weight, axis);
  const auto limit = static_cast<float>((1 << (bits - 1)) - 1);
  const std::span<const float> from = weight.data<float>();
  std::vector<float> largest(slices.count, 0.0F);
  for (std::size_t e = 0; e < from.size(); ++e) {
    float& slice = largest[(e / slices.inner) % slices.count];
    slice = std::max(slice, std::fabs(from[e]));
  }
  QuantizedWeight result;
  for (std::size_t s = 0; s < slices.count; ++s) {
    float scale = largest[s] / limit;
    if (s < least_scale.size()) scale = std::max(scale, least_scale[s]);
    // A slice of zeros, or so small that the scale would be denormal, still needs one.
    result.scale.push_back(scale > std::numeric_limits<float>::min() ? scale : 1.0F);
  }
  Result<Tensor> values = Tensor::zeros(DType::kInt8, weight.shape());
  CHECK(values.has_value());
  const std::span<std::int8_t> to = values->mutable_data<std::int8_t>();
  for (std::size_t e = 0; e < from.size(); ++e) {
    const float q = std::nearbyint(from[e] / result.scale[(e / slices.inner) % slices.count]);
    to[e] = static_cast<std::int8_t>(std::clamp(q, -limit, limit));
  }
  result.values = std::move(*values);
  return result;
}

Tensor quantize_bias(const std::vector<float>& bias, float scale_x, const std::vector<float>& scale_w) {
  std::vector<std::int32_t> values;
  for (std::size_t c = 0; c < bias.size(); ++c) {
    const double scale =
        static_cast<double>(scale_x) * static_cast<double>(scale_w.size() == 1 ? scale_w[0] : scale_w[c]);
    const double q = std::nearbyint(static_cast<double>(bias[c]) / scale);
    values.push_back(static_cast<std::int32_t>(std::clamp(q, -2147483647.0, 2147483647.0)));
  }
  return Tensor::of<std::int32_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int32_t>(values));
}

std::vector<float> least_weight_scales(const std::vector<float>& bias, float scale_x, std::size_t count) {
  constexpr float kBiasLimit = 1073741824.0F;  // 2^30: half of int32, the other half for the sum
  std::vector<float> least(count, 0.0F);
  for (std::size_t c = 0; c < bias.size(); ++c) {
    float& slot = least[count == 1 ? 0 : c];
    slot = std::max(slot, std::fabs(bias[c]) / (kBiasLimit * scale_x));
  }
  return least;
}

ActivationParameters activation_parameters(Range range) {
  const double low = std::min(0.0, static_cast<double>(range.min));
  const double high = std::max(0.0, static_cast<double>(range.max));
  const auto scale = static_cast<float>((high - low) / 255.0);
  if (!(scale > std::numeric_limits<float>::min())) return {1.0F, 0};
  const double zero = std::nearbyint(-low / static_cast<double>(scale));
  return {scale, static_cast<std::uint8_t>(std::clamp(zero, 0.0, 255.0))};
}

}  // namespace arete::pass
