#include "proof/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "core/check.h"
#include "proof/random.h"

namespace arete::proof {
namespace {

constexpr double kZ95 = 1.959963984540054;

// ln of the binomial probability of k out of n at 1/2.
double log_binomial_half(std::int64_t n, std::int64_t k) {
  const auto real_n = static_cast<double>(n);
  const auto real_k = static_cast<double>(k);
  return std::lgamma(real_n + 1) - std::lgamma(real_k + 1) - std::lgamma(real_n - real_k + 1) - real_n * std::log(2.0);
}

// Student's interval of the mean of the groups' medians; needs two groups and at most kEnoughGroups.
Interval student_interval(std::span<const std::vector<double>> groups) {
  constexpr std::array<double, kEnoughGroups> kT975 = {0,     12.706, 4.303, 3.182,
                                                       2.776, 2.571,  2.447, 2.365};  // by n - 1
  const auto n = static_cast<double>(groups.size());
  std::vector<double> medians;
  for (const std::vector<double>& group : groups) medians.push_back(median(group));
  const double mean = std::accumulate(medians.begin(), medians.end(), 0.0) / n;
  double squares = 0;
  for (const double value : medians) squares += (value - mean) * (value - mean);
  const double half = kT975[groups.size() - 1] * std::sqrt(squares / (n - 1) / n);
  return {mean - half, mean + half};
}

}  // namespace

double percentile_of_sorted(std::span<const double> sorted, double p) {
  CHECK(!sorted.empty());
  const double rank = p / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (rank - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return percentile_of_sorted(values, 50);
}

Interval bootstrap_median(std::span<const std::vector<double>> groups, std::uint64_t seed) {
  CHECK(!groups.empty());
  Random random(seed);
  const auto count = static_cast<std::uint32_t>(groups.size());
  std::vector<double> medians;
  std::vector<double> values;  // of a resample
  for (int i = 0; i < kResamples; ++i) {
    values.clear();
    for (std::uint32_t taken = 0; taken < count; ++taken) {
      const std::vector<double>& group = groups[count == 1 ? 0 : random.below(count)];
      const auto n = static_cast<std::uint32_t>(group.size());
      CHECK(n > 0);
      for (std::uint32_t k = 0; k < n; ++k) values.push_back(group[count < kEnoughGroups ? random.below(n) : k]);
    }
    const auto upper = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, upper);
    double middle = *upper;
    if (values.size() % 2 == 0) middle = (middle + *std::max_element(values.begin(), upper)) / 2;
    medians.push_back(middle);
  }
  std::ranges::sort(medians);
  const Interval interval{percentile_of_sorted(medians, 2.5), percentile_of_sorted(medians, 97.5)};
  if (count < 2 || count >= kEnoughGroups) return interval;
  const Interval student = student_interval(groups);
  return {std::min(interval.low, student.low), std::max(interval.high, student.high)};
}

Interval paired_difference(std::int64_t n, std::int64_t only_first, std::int64_t only_second) {
  const double total = static_cast<double>(n) + 2;
  const double first = (static_cast<double>(only_first) + 1) / total;
  const double second = (static_cast<double>(only_second) + 1) / total;
  const double centre = second - first;
  const double half = kZ95 * std::sqrt((first + second - centre * centre) / total);
  return {std::max(-1.0, centre - half), std::min(1.0, centre + half)};
}

double mcnemar_p(std::int64_t only_first, std::int64_t only_second) {
  const std::int64_t n = only_first + only_second;
  const std::int64_t fewer = std::min(only_first, only_second);
  double tail = 0;
  for (std::int64_t k = 0; k <= fewer; ++k) tail += std::exp(log_binomial_half(n, k));
  return std::min(1.0, 2 * tail);
}

}  // namespace arete::proof
