// Counting from many threads, buckets, and what a histogram tells of its values.
#include "watch/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

namespace arete::watch {
namespace {

constexpr std::array<double, 3> kBounds = {1, 2, 4};

TEST(Counter, LosesNothingUnderManyThreads) {
  Counter counter;
  Gauge gauge;
  Histogram histogram(kBounds);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 10'000; ++n) {
          counter.add();
          gauge.add(n % 2 == 0 ? 1 : -1);
          histogram.observe(n % 5);
        }
      });
    }
  }
  EXPECT_EQ(counter.value(), 80'000U);
  EXPECT_EQ(gauge.value(), 0);
  EXPECT_EQ(histogram.snapshot().count, 80'000U);
  EXPECT_EQ(histogram.snapshot().sum, 160'000);
}

TEST(Histogram, PutsAValueIntoTheFirstBucketThatReachesIt) {
  Histogram histogram(kBounds);
  for (const double value : {0.0, 1.0, 1.0001, 2.0, 4.0, 4.5, -3.0}) histogram.observe(value);
  histogram.observe(3, 5);
  const HistogramSnapshot taken = histogram.snapshot();
  EXPECT_EQ(taken.counts, (std::vector<std::uint64_t>{3, 2, 6, 1}));
  EXPECT_EQ(taken.count, 12U);
  EXPECT_DOUBLE_EQ(taken.sum, 24.5001);
}

TEST(Histogram, CountsNothingThatIsNotFinite) {
  Histogram histogram(kBounds);
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) histogram.observe(value);
  EXPECT_EQ(histogram.snapshot().count, 0U);
  EXPECT_EQ(histogram.snapshot().sum, 0);
}

TEST(Quantile, LiesEvenlyWithinABucket) {
  Histogram histogram(kBounds);
  EXPECT_FALSE(quantile(histogram.snapshot(), 0.5).has_value());
  for (int i = 0; i < 10; ++i) histogram.observe(1.5);
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 0.5), 1.5);
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 0), 1);
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 1), 2);
  for (int i = 0; i < 10; ++i) histogram.observe(100);
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 0.25), 1.5);
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 0.99), 4);  // behind the last bound
  EXPECT_DOUBLE_EQ(*quantile(histogram.snapshot(), 7), 4);
}

TEST(Quantile, IsNearTheTruthWithTheUsualBounds) {
  Histogram histogram(kSecondsBounds);
  for (int i = 1; i <= 10'000; ++i) histogram.observe(i * 1e-6);  // evenly up to 10 ms
  const HistogramSnapshot taken = histogram.snapshot();
  for (const double q : {0.05, 0.5, 0.9, 0.99}) EXPECT_NEAR(*quantile(taken, q), q * 0.01, q * 0.01 * 0.02) << q;
}

TEST(Since, TellsWhatCameInBetween) {
  Histogram histogram(kBounds);
  histogram.observe(1);
  const HistogramSnapshot earlier = histogram.snapshot();
  histogram.observe(3);
  const HistogramSnapshot between = since(earlier, histogram.snapshot());
  EXPECT_EQ(between.counts, (std::vector<std::uint64_t>{0, 0, 1, 0}));
  EXPECT_EQ(between.count, 1U);
  EXPECT_EQ(between.sum, 3);
  histogram.reset();
  histogram.observe(2);
  EXPECT_EQ(since(earlier, histogram.snapshot()).count, 1U);
}

}  // namespace
}  // namespace arete::watch
