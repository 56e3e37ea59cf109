#include "proof/output_difference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

namespace arete::proof {
namespace {

bool has_arithmetic(DType dtype) {
  return dtype != DType::kString && dtype != DType::kComplex64 && dtype != DType::kComplex128 && bits_of(dtype) >= 8 &&
         (bits_of(dtype) > 8 || dtype == DType::kInt8 || dtype == DType::kUint8 || dtype == DType::kBool);
}

double load_float(const std::byte* at) {
  float value = 0;  // memcpy: a tensor's bytes may be unaligned
  std::memcpy(&value, at, sizeof(value));
  return static_cast<double>(value);
}

// Equal bytes count as equal elements; packed types are compared a byte at a time.
std::int64_t count_equal_bytes(const Tensor& a, const Tensor& b) {
  const auto width = static_cast<std::size_t>(std::max(1, bits_of(a.dtype()) / 8));
  std::int64_t equal = 0;
  for (std::size_t at = 0; at + width <= a.size_bytes(); at += width) {
    equal += std::ranges::equal(a.bytes().subspan(at, width), b.bytes().subspan(at, width)) ? 1 : 0;
  }
  return equal;
}

}  // namespace

bool is_float_dtype(DType dtype) { return is_floating(dtype) || dtype == DType::kBfloat16; }

Status OutputDifference::add(const Tensor& original, const Tensor& candidate) {
  if (original.shape() != candidate.shape()) {
    return Error{Code::kInvalid,
                 "output '" + name_ + "' was " + describe(original) + " and became " + describe(candidate)};
  }
  is_float_ = is_float_dtype(original.dtype());
  if (has_arithmetic(original.dtype()) && has_arithmetic(candidate.dtype())) {
    return add_numbers(original, candidate);
  }
  if (original.dtype() != candidate.dtype()) {
    return Error{Code::kInvalid, "output '" + name_ + "' was " + describe(original) + " and became " +
                                     describe(candidate) + "; these cannot be compared"};
  }
  if (original.dtype() == DType::kString) {
    for (std::size_t i = 0; i < original.strings().size(); ++i) {
      equal_ += original.strings()[i] == candidate.strings()[i] ? 1 : 0;
    }
    elements_ += original.size();
    return {};
  }
  const bool packed = bits_of(original.dtype()) < 8;
  elements_ += packed ? static_cast<std::int64_t>(original.size_bytes()) : original.size();
  equal_ += count_equal_bytes(original, candidate);
  return {};
}

Status OutputDifference::add_numbers(const Tensor& original, const Tensor& candidate) {
  const bool both_float32 = original.dtype() == DType::kFloat32 && candidate.dtype() == DType::kFloat32;
  if (both_float32) {  // the common case, without copies
    for (std::size_t at = 0; at < original.size_bytes(); at += sizeof(float)) {
      add_number(load_float(original.bytes().data() + at), load_float(candidate.bytes().data() + at));
    }
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<double> x, to_doubles(original));
  ASSIGN_OR_RETURN(const std::vector<double> y, to_doubles(candidate));
  for (std::size_t i = 0; i < x.size(); ++i) add_number(x[i], y[i]);
  return {};
}

void OutputDifference::add_number(double original, double candidate) {
  ++elements_;
  const bool original_finite = std::isfinite(original);
  const bool candidate_finite = std::isfinite(candidate);
  if (original_finite && candidate_finite) {
    const double difference = original - candidate;
    equal_ += difference == 0 ? 1 : 0;
    signal_ += original * original;
    noise_ += difference * difference;
    max_abs_difference_ = std::max(max_abs_difference_, std::fabs(difference));
    return;
  }
  const bool both_nan = std::isnan(original) && std::isnan(candidate);
  equal_ += both_nan || original == candidate ? 1 : 0;
  only_original_finite_ += original_finite ? 1 : 0;
  only_candidate_finite_ += candidate_finite ? 1 : 0;
}

double OutputDifference::equal_fraction() const {
  return elements_ == 0 ? 1 : static_cast<double>(equal_) / static_cast<double>(elements_);
}

std::optional<double> OutputDifference::sqnr_db() const {
  if (!is_float_ || noise_ == 0) return std::nullopt;
  const double ratio_db = 10 * (std::log10(signal_) - std::log10(noise_));
  // No signal at all, or sums that left the range of double.
  if (std::isnan(ratio_db)) return -kMaxSqnrDb;
  return std::clamp(ratio_db, -kMaxSqnrDb, kMaxSqnrDb);
}

}  // namespace arete::proof
