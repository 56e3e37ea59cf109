// Percentiles and intervals against numbers that numpy 2.4 and scipy 1.17 gave.
#include "proof/statistics.h"

#include <gtest/gtest.h>

#include "proof/random.h"

namespace arete::proof {
namespace {

TEST(Random, IsSplitMix64) {
  Random random(0);
  EXPECT_EQ(random.next(), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(random.next(), 0x6E789E6AA1B965F4ULL);
  EXPECT_EQ(random.next(), 0x06C45D188009454FULL);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.below(7), 7U);
    EXPECT_LT(random.unit(), 1.0);
    EXPECT_GE(random.unit(), 0.0);
  }
}

TEST(Percentile, EqualsNumpy) {
  const std::vector<double> sorted = {1, 1.5, 2.6, 3, 4, 5.3, 9};
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 0), 1.0);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 2.5), 1.075);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 50), 3.0);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 97.5), 8.444999999999999);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 99), 8.777999999999999);
  EXPECT_DOUBLE_EQ(percentile_of_sorted(sorted, 100), 9.0);
  EXPECT_DOUBLE_EQ(median({3, 1, 4, 1.5, 9, 2.6}), 2.8);
  EXPECT_DOUBLE_EQ(median({7}), 7);
}

Interval interval_of(const std::vector<std::vector<double>>& groups) { return bootstrap_median(groups, 1); }

// n = 41: the exact bootstrap interval (order statistics 15 and 27), which scipy.stats.bootstrap
// gives too with 20,000 resamples.
TEST(BootstrapMedian, FindsTheExactInterval) {
  const std::vector<double> values = {
      0.8644, 0.9055, 0.9176, 0.9348, 0.9386, 0.9444, 0.9609, 0.9632, 0.9732, 0.9743, 0.9759, 0.9789, 0.9811, 0.9854,
      0.9862, 0.9871, 0.9913, 0.9919, 1.0004, 1.0014, 1.002,  1.0055, 1.0084, 1.0107, 1.0109, 1.0147, 1.0165, 1.0173,
      1.0182, 1.0223, 1.0273, 1.0291, 1.0299, 1.0323, 1.0332, 1.0411, 1.0453, 1.0503, 1.0647, 1.1021, 1.1059};
  const Interval interval = interval_of({values});
  EXPECT_NEAR(interval.low, 0.9862, 0.001);
  EXPECT_NEAR(interval.high, 1.0165, 0.001);
  const Interval again = interval_of({values});
  EXPECT_EQ(interval.low, again.low);
  EXPECT_EQ(interval.high, again.high);
}

TEST(BootstrapMedian, TakesOneValueAndEvenNumbers) {
  const Interval one = interval_of({{2.0}});
  EXPECT_EQ(one.low, 2.0);
  EXPECT_EQ(one.high, 2.0);
  // Two values: the median of a resample is 1, 1.5 or 2.
  const Interval two = interval_of({{2.0, 1.0}});
  EXPECT_EQ(two.low, 1.0);
  EXPECT_EQ(two.high, 2.0);
}

// What sets whole groups apart is not made small by many values in each.
TEST(BootstrapMedian, WidensByWhatGroupsHaveInCommon) {
  const std::vector<double> low(200, 0.9);
  const std::vector<double> high(200, 1.1);
  const Interval nine = interval_of({high, low, high, low, high, low, high, low, high});
  EXPECT_DOUBLE_EQ(nine.low, 0.9);
  EXPECT_DOUBLE_EQ(nine.high, 1.1);
  // Few groups: scipy.stats.t.interval(0.95, 4, mean, sem) of their medians.
  const Interval five = interval_of({high, low, high, low, high});
  EXPECT_NEAR(five.low, 0.883989, 1e-4);
  EXPECT_NEAR(five.high, 1.156011, 1e-4);
}

// scipy: norm.ppf(0.975) in Bonett and Price's formula.
TEST(PairedDifference, EqualsTheFormula) {
  const Interval interval = paired_difference(10000, 40, 25);
  EXPECT_NEAR(interval.low, -0.003103409634015351, 1e-12);
  EXPECT_NEAR(interval.high, 0.00010400951403934685, 1e-12);
  const Interval none = paired_difference(100, 0, 0);
  EXPECT_NEAR(none.low, -0.027174584791170155, 1e-12);
  EXPECT_NEAR(none.high, 0.027174584791170155, 1e-12);
  const Interval few = paired_difference(3, 3, 0);
  EXPECT_EQ(few.low, -1.0);  // -1.30 cannot be
  EXPECT_NEAR(few.high, 0.10121803246126504, 1e-12);
}

// Drawn from known shares (3 % and 2 %), 95 % of the intervals hold the true difference.
TEST(PairedDifference, CoversTheTruthNineteenTimesInTwenty) {
  Random random(5);
  int covered = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::int64_t first = 0;
    std::int64_t second = 0;
    for (int i = 0; i < 1000; ++i) {
      const double draw = random.unit();
      first += draw < 0.03 ? 1 : 0;
      second += draw >= 0.03 && draw < 0.05 ? 1 : 0;
    }
    const Interval interval = paired_difference(1000, first, second);
    covered += interval.low <= -0.01 && -0.01 <= interval.high ? 1 : 0;
  }
  EXPECT_GT(covered, kTrials * 94 / 100);
  EXPECT_LT(covered, kTrials * 97 / 100);
}

// scipy.stats.binomtest(a, a + b, 0.5).pvalue
TEST(McNemar, EqualsScipy) {
  EXPECT_NEAR(mcnemar_p(40, 25), 0.08168153394154003, 1e-10);
  EXPECT_NEAR(mcnemar_p(5, 0), 0.0625, 1e-12);
  EXPECT_NEAR(mcnemar_p(3, 1), 0.625, 1e-12);
  EXPECT_NEAR(mcnemar_p(1000, 1200), 2.1817026407914194e-05, 1e-12);
  EXPECT_EQ(mcnemar_p(10, 10), 1.0);
  EXPECT_EQ(mcnemar_p(0, 0), 1.0);
}

}  // namespace
}  // namespace arete::proof
