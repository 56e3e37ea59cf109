#include "tests/conformance/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace arete::conformance {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kString) return std::ranges::equal(a.strings(), b.strings());
  return std::ranges::equal(a.bytes(), b.bytes());
}

// How far `got` is beyond what is allowed, 0 for near enough. Equal infinities and two NaNs are near.
double excess(double wanted, double got, double relative) {
  if (wanted == got || (std::isnan(wanted) && std::isnan(got))) return 0;
  const double beyond = std::abs(got - wanted) - (kAbsoluteTolerance + relative * std::abs(wanted));
  return std::isfinite(beyond) ? std::max(beyond, 0.0) : std::numeric_limits<double>::infinity();
}

std::string first_byte_that_differs(const Tensor& wanted, const Tensor& got) {
  const auto [at, other] = std::ranges::mismatch(wanted.bytes(), got.bytes());
  if (at == wanted.bytes().end()) return "the strings differ";
  return "byte " + std::to_string(at - wanted.bytes().begin()) + " is " + std::to_string(static_cast<int>(*at)) +
         " and " + std::to_string(static_cast<int>(*other));
}

// The worst element in words: for bits the farthest, or where all are equal as numbers (zeros, NaNs) the first byte.
std::string worst_element(const Tensor& wanted, const Tensor& got, bool bits) {
  const Result<std::vector<double>> a = to_doubles(wanted);
  const Result<std::vector<double>> b = to_doubles(got);
  if (!a || !b) return first_byte_that_differs(wanted, got);
  const double relative = wanted.dtype() == DType::kBfloat16 ? kBfloat16Tolerance : kRelativeTolerance;
  std::size_t worst = 0;
  double worst_by = 0;
  std::size_t differ = 0;
  for (std::size_t i = 0; i < a->size(); ++i) {
    const double by = bits ? excess((*a)[i], (*b)[i], -kAbsoluteTolerance) : excess((*a)[i], (*b)[i], relative);
    if (by > 0) ++differ;
    if (by > worst_by) {
      worst = i;
      worst_by = by;
    }
  }
  if (differ == 0) return bits ? first_byte_that_differs(wanted, got) : "";
  std::ostringstream words;
  words.precision(9);
  words << differ << " of " << a->size() << " elements; the worst, " << worst << ", is " << (*a)[worst] << " and "
        << (*b)[worst];
  return words.str();
}

}  // namespace

std::string difference(const Tensor& wanted, const Tensor& got, Likeness likeness) {
  if (wanted.dtype() != got.dtype() || wanted.shape() != got.shape()) {
    return describe(wanted) + " and " + describe(got);
  }
  if (same_bits(wanted, got)) return "";
  return worst_element(wanted, got, likeness == Likeness::kBits);
}

std::string difference(std::span<const NamedTensor> wanted, std::span<const NamedTensor> got, Likeness likeness) {
  if (wanted.size() != got.size()) {
    return std::to_string(wanted.size()) + " outputs and " + std::to_string(got.size());
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].name != got[i].name) return "outputs '" + wanted[i].name + "' and '" + got[i].name + "'";
    const std::string words = difference(wanted[i].tensor, got[i].tensor, likeness);
    if (!words.empty()) return "output '" + wanted[i].name + "': " + words;
  }
  return "";
}

}  // namespace arete::conformance
