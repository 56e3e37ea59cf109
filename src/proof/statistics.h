// Statistics of proof: percentiles, and 95 % intervals of paired measurements.
//
// Threads: pure functions; seeded, so the same numbers give the same interval.
// Papers: Efron, "Bootstrap methods: another look at the jackknife" (1979), percentile interval;
// Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions
// based on paired data" (2012); McNemar (1947), in its exact binomial form.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace arete::proof {

// A 95 % interval.
struct Interval {
  double low = 0;
  double high = 0;
};

// With linear interpolation between ranks, as numpy.percentile; p from 0 to 100. `sorted` must be
// in ascending order and not empty.
double percentile_of_sorted(std::span<const double> sorted, double p);
double median(std::vector<double> values);  // not empty

inline constexpr int kResamples = 1000;

// Percentile bootstrap of the median of all values, resampling whole groups, so that what the values of a group have in
// common widens the interval. Fewer than kEnoughGroups say too little for that: then the values in them are resampled
// too, and the interval is at least Student's around the mean of the groups' medians. Of a single group nothing tells
// how far apart groups are. No group may be empty.
inline constexpr std::size_t kEnoughGroups = 8;
Interval bootstrap_median(std::span<const std::vector<double>> groups, std::uint64_t seed);

// Right and wrong answers of two models on the same n questions: the interval of the second's
// share of right answers minus the first's, from the questions that only one of them got right.
Interval paired_difference(std::int64_t n, std::int64_t only_first, std::int64_t only_second);

// Exact two-sided p-value for "both are equally often right where only one is" (1 when none is).
double mcnemar_p(std::int64_t only_first, std::int64_t only_second);

}  // namespace arete::proof
