#include "proof/output_match.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "proof/output_difference.h"

namespace arete::proof {
namespace {

bool equal_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == DType::kString ? std::ranges::equal(a.strings(), b.strings())
                                     : std::ranges::equal(a.bytes(), b.bytes());
}

double largest_of(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

// By how much an element is over its tolerance; infinite where one alone is finite.
double excess(double x, double y, double allowed) {
  if (x == y || (std::isnan(x) && std::isnan(y))) return 0;
  if (!std::isfinite(x) || !std::isfinite(y)) return HUGE_VAL;
  return std::max(0.0, std::fabs(x - y) - allowed);
}

std::string words(const std::string& name, std::size_t at, double x, double y) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "' differs: element %zu was %.9g and became %.9g", at, x, y);
  return "output '" + name + text.data();
}

}  // namespace

Status check_match(const std::string& name, const Tensor& original, const Tensor& candidate,
                   const Tolerance& tolerance) {
  if (original.dtype() != candidate.dtype() || original.shape() != candidate.shape()) {
    return Error{Code::kInvalid,
                 "output '" + name + "' was " + describe(original) + " and became " + describe(candidate)};
  }
  if (equal_bytes(original, candidate)) return {};
  if (!is_float_dtype(original.dtype())) return Error{Code::kInvalid, "output '" + name + "' differs"};
  ASSIGN_OR_RETURN(const std::vector<double> x, to_doubles(original));
  ASSIGN_OR_RETURN(const std::vector<double> y, to_doubles(candidate));
  const double common = tolerance.of_largest * largest_of(x) + tolerance.absolute;
  std::size_t worst = 0;
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool sign_differs = tolerance.is_exact() && x[i] == y[i] && std::signbit(x[i]) != std::signbit(y[i]);
    const double over = sign_differs ? HUGE_VAL : excess(x[i], y[i], tolerance.of_element * std::fabs(x[i]) + common);
    if (over <= most) continue;
    most = over;
    worst = i;
  }
  return most == 0 ? Status() : Status(Error{Code::kInvalid, words(name, worst, x[worst], y[worst])});
}

}  // namespace arete::proof
