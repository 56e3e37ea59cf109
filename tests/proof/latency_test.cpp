// Paired latency on a clock that moves only when a run says so.
#include "proof/latency.h"

#include <gtest/gtest.h>

#include <string>

#include "proof/random.h"
#include "tests/proof/fakes.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// Two models whose runs take a fixed time plus noise; writes down who ran.
class Bench {
 public:
  Bench(std::int64_t original_ns, std::int64_t candidate_ns, double noise = 0)
      : original_ns_(original_ns), candidate_ns_(candidate_ns), noise_(noise) {}

  Result<Measured> measure(const LatencyOptions& options = {}, const Progress& progress = {}) {
    const auto open = [this]() -> Result<RunnerPair> {
      ++rounds;
      return RunnerPair{runner('A', original_ns_), runner('B', candidate_ns_)};
    };
    return measure_pairs(open, clock, options, progress);
  }

  FakeClock clock;
  std::string order;
  int rounds = 0;

 private:
  Runner runner(char name, std::int64_t run_ns) {
    return [this, name, run_ns]() -> Status {
      order += name;
      const double factor = 1 + noise_ * (2 * random_.unit() - 1);
      clock.advance(static_cast<std::int64_t>(static_cast<double>(run_ns) * factor));
      return {};
    };
  }

  std::int64_t original_ns_;
  std::int64_t candidate_ns_;
  double noise_;
  Random random_{3};
};

// "AAABBBBBAA" -> "ABA"
std::string turns_of(const std::string& order) {
  std::string turns;
  for (const char c : order) {
    if (turns.empty() || turns.back() != c) turns += c;
  }
  return turns;
}

TEST(MeasurePairs, FindsTheRatioAndStopsEarly) {
  Bench bench(2 * kMs, 1 * kMs, 0.1);
  const auto measured = bench.measure();
  ASSERT_OK(measured);
  EXPECT_NEAR(measured->speedup, 2.0, 0.05);
  EXPECT_LT(measured->speedup_interval.high - measured->speedup_interval.low, 0.02 * 2.05);
  EXPECT_LE(measured->speedup_interval.low, measured->speedup);
  EXPECT_GE(measured->speedup_interval.high, measured->speedup);
  EXPECT_GE(measured->pairs, 30);
  EXPECT_FALSE(measured->weak);
  EXPECT_TRUE(is_faster(*measured, 1.0));
  EXPECT_FALSE(is_slower(*measured, 1.0));
  EXPECT_LT(bench.clock.now_ns(), 4'000 * kMs);
  EXPECT_NEAR(measured->original.p50_ms, 2.0, 0.05);
  EXPECT_NEAR(measured->candidate.p50_ms, 1.0, 0.02);
  EXPECT_NEAR(measured->candidate.p99_ms, 1.1, 0.02);
  EXPECT_NEAR(measured->candidate.throughput_per_sec, 1000, 20);
}

TEST(MeasurePairs, TakesTurnsOfFiveMillisecondsInAbbaOrder) {
  Bench bench(1 * kMs, 3 * kMs);
  ASSERT_OK(bench.measure());
  // Ten runs of warm-up each, then A B B A A B B A: equal neighbours are two turns.
  const std::string measured = bench.order.substr(20);
  EXPECT_EQ(measured.substr(0, 14), "AAAAABBBBAAAAA");
  EXPECT_TRUE(turns_of(measured).starts_with("ABABAB"));
  EXPECT_EQ(bench.order.substr(0, 20), "AAAAAAAAAABBBBBBBBBB");
}

// Equal models, but each opening favours one of the two for good: no interval may call that a difference.
TEST(MeasurePairs, WhatOneOpeningFavoursIsNoDifference) {
  FakeClock clock;
  Random random(5);
  const auto open = [&]() -> Result<RunnerPair> {
    const auto runner = [&](double factor) -> Runner {
      return [&clock, factor]() -> Status {
        clock.advance(static_cast<std::int64_t>(factor * 2 * kMs));
        return {};
      };
    };
    const double first = 0.8 + 0.4 * random.unit();
    const double second = 0.8 + 0.4 * random.unit();
    return RunnerPair{runner(first), runner(second)};
  };
  for (const std::int64_t opening_ns : {0 * kMs, 300 * kMs, 1'000 * kMs, 4'000 * kMs}) {
    const auto slow_open = [&]() -> Result<RunnerPair> {
      clock.advance(opening_ns);
      return open();
    };
    int called = 0;
    for (int i = 0; i < 60; ++i) {
      const auto measured = measure_pairs(slow_open, clock, {});
      ASSERT_OK(measured);
      EXPECT_GE(measured->rounds, opening_ns == 0 ? 8 : 2);
      called += is_faster(*measured, 1.0) || is_slower(*measured, 1.0) ? 1 : 0;
    }
    EXPECT_LE(called, 6) << opening_ns;
  }
}

// What takes long to open is opened once or twice, not until the budget is gone.
TEST(MeasurePairs, OpeningTakesAtMostHalfTheTime) {
  FakeClock clock;
  int opened = 0;
  const Runner runner = [&]() -> Status {
    clock.advance(5 * kMs);
    return {};
  };
  const auto open = [&]() -> Result<RunnerPair> {
    ++opened;
    clock.advance(1'000 * kMs);
    return RunnerPair{runner, runner};
  };
  const auto measured = measure_pairs(open, clock, {});
  ASSERT_OK(measured);
  EXPECT_EQ(opened, 3);
  EXPECT_GT(measured->pairs, 200);
  EXPECT_EQ(measured->rounds, 3);
}

TEST(Noise, HidesGainsAndExcusesLittleLoss) {
  Measured measured;
  measured.speedup_interval = {0.75, 0.8};
  EXPECT_TRUE(is_slower(measured, 1.5));
  measured.speedup_interval = {0.95, 0.96};
  EXPECT_TRUE(is_slower(measured, 1.0));
  EXPECT_FALSE(is_slower(measured, 1.05));
  measured.speedup_interval = {1.3, 1.4};
  EXPECT_TRUE(is_faster(measured, 1.2));
  EXPECT_FALSE(is_faster(measured, 1.5));
}

TEST(MeasurePairs, LongModelsTakeOneRunATurnAndKeepTheBudget) {
  Bench bench(200 * kMs, 300 * kMs, 0.3);
  const std::int64_t start = bench.clock.now_ns();
  const auto measured = bench.measure();
  ASSERT_OK(measured);
  EXPECT_TRUE(measured->weak);
  EXPECT_LT(measured->pairs, 30);
  EXPECT_GE(measured->pairs, 5);
  EXPECT_LT(bench.clock.now_ns() - start, 5'700 * kMs);
  EXPECT_EQ(measured->original.runs, measured->pairs);
}

TEST(MeasurePairs, MakesOneAbbaHoweverLongItTakes) {
  Bench bench(60'000 * kMs, 60'000 * kMs);
  const auto measured = bench.measure();
  ASSERT_OK(measured);
  EXPECT_EQ(measured->pairs, 2);
  EXPECT_TRUE(measured->weak);
  EXPECT_EQ(bench.order, "ABABBA");
}

TEST(MeasurePairs, UsesTheBudgetWhereTheNoiseIsLarge) {
  Bench bench(2 * kMs, 2 * kMs, 0.9);
  const auto measured = bench.measure();
  ASSERT_OK(measured);
  EXPECT_GT(measured->pairs, 250);
  EXPECT_FALSE(is_faster(*measured, 1.0));
  EXPECT_FALSE(is_slower(*measured, 1.0));
  EXPECT_LT(measured->speedup_interval.low, 1.0);
  EXPECT_GT(measured->speedup_interval.high, 1.0);
}

TEST(MeasurePairs, KeepsABoundedNumberOfSamples) {
  Bench bench(100, 100, 0.9);  // 100 ns a run: 50,000 runs a turn
  LatencyOptions options;
  options.budget_ns = 300 * kMs;
  const auto measured = bench.measure(options);
  ASSERT_OK(measured);
  EXPECT_GT(measured->original.runs, 1'000'000);
  EXPECT_LE(measured->original.samples_ms.size(), kMaxSamplesKept);
  EXPECT_GT(measured->original.samples_ms.size(), kMaxSamplesKept / 2);
  EXPECT_LE(measured->original.runs, static_cast<std::int64_t>(kMaxRunsPerSide));
}

TEST(MeasurePairs, SurvivesAClockThatStandsStill) {
  FakeClock clock;
  int runs = 0;
  const Runner runner = [&]() -> Status {
    if (++runs % 1000 == 0) clock.advance(15 * kMs);
    return {};
  };
  const auto measured = measure_pairs([&]() -> Result<RunnerPair> { return RunnerPair{runner, runner}; }, clock, {});
  ASSERT_OK(measured);
  EXPECT_GT(measured->speedup, 0);
}

TEST(MeasurePairs, StopsOnRequestAndOnErrors) {
  Bench bench(kMs, kMs);
  int reports = 0;
  Progress progress;
  progress.report = [&](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    ++reports;
  };
  progress.stop_requested = [&] { return reports >= 3; };
  EXPECT_ERROR(bench.measure({}, progress), Code::kCancelled, "stopped");
  EXPECT_EQ(reports, 3);

  FakeClock clock;
  const Runner good = [&]() -> Status {
    clock.advance(kMs);
    return {};
  };
  int left = 30;
  const Runner bad = [&]() -> Status {
    clock.advance(kMs);
    return --left > 0 ? Status() : Status(Error{Code::kInvalid, "no more"});
  };
  const auto measure = [&](const Runner& a, const Runner& b) {
    return measure_pairs([&]() -> Result<RunnerPair> { return RunnerPair{a, b}; }, clock, {});
  };
  EXPECT_ERROR(measure(good, bad), Code::kInvalid, "the candidate: no more");
  left = 1;
  EXPECT_ERROR(measure(bad, good), Code::kInvalid, "the original: no more");
}

TEST(Noise, IsJudgedByTheControl) {
  Measured control;
  control.speedup = 1.0;
  control.speedup_interval = {0.98, 1.02};
  EXPECT_FALSE(is_too_noisy(control));
  control.speedup_interval = {0.97, 1.03};
  EXPECT_TRUE(is_too_noisy(control));
  // Narrow, but the machine favoured one side.
  control.speedup_interval = {1.03, 1.04};
  EXPECT_TRUE(is_too_noisy(control));
  control.speedup_interval = {0.95, 0.96};
  EXPECT_TRUE(is_too_noisy(control));
}

TEST(MeasureRuns, CountsAfterTheWarmUp) {
  FakeClock clock;
  int runs = 0;
  const Runner runner = [&]() -> Status {
    clock.advance(++runs <= 2 ? 100 * kMs : 4 * kMs);
    return {};
  };
  const auto measured = measure_runs(runner, clock, 2, 50);
  ASSERT_OK(measured);
  EXPECT_EQ(runs, 52);
  EXPECT_EQ(measured->runs, 50);
  EXPECT_DOUBLE_EQ(measured->p50_ms, 4);
  EXPECT_DOUBLE_EQ(measured->mean_ms, 4);
  EXPECT_DOUBLE_EQ(measured->throughput_per_sec, 250);
  EXPECT_ERROR(measure_runs(runner, clock, 0, 0), Code::kInvalid, "at least 1 run");
  EXPECT_ERROR(measure_runs(runner, clock, -1, 1), Code::kInvalid, "warm-up");
  Progress stop;
  stop.stop_requested = [] { return true; };
  EXPECT_ERROR(measure_runs(runner, clock, 0, 1, stop), Code::kCancelled, "");
}

}  // namespace
}  // namespace arete::proof
