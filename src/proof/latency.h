// Latency of two models measured side by side: turns in ABBA order in one process, so that what
// disturbs the machine disturbs both, and the ratio of each pair of turns is what counts.
//
// In rounds, each with both models opened anew: where a session's memory and threads come to lie
// may favour it for as long as it is open.
//
// Not for: comparisons with other programs (bench/ runs those in processes of their own).
// Threads: one measurement at a time. Limits: kMaxRunsPerSide, LatencyOptions::budget_ns.
// Errors: those of the runner; kCancelled.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "os/base/machine.h"
#include "proof/progress.h"
#include "proof/statistics.h"

namespace arete::proof {

inline constexpr std::size_t kMaxRunsPerSide = std::size_t{1} << 20;
inline constexpr std::size_t kMaxSamplesKept = 2000;

// One run of the thing that is measured.
using Runner = std::function<Status()>;

struct RunnerPair {
  Runner original;
  Runner candidate;
};
// Opens both anew. The runners of the pair before are gone when it is called.
using OpenPair = std::function<Result<RunnerPair>()>;
using OpenSession = std::function<Result<std::unique_ptr<engine::Session>>()>;

struct LatencyOptions {
  std::int64_t turn_ns = 5'000'000;        // a turn is as many runs as fill this, at least one
  std::int64_t budget_ns = 5'000'000'000;  // for both sides together, opening and warm-up included
  std::int64_t warmup_ns = 100'000'000;    // a side and round: at most this long or ten runs, at least one
  int min_pairs = 30;                      // fewer within the budget: the result is weak
  int min_rounds = 8;                      // fewer only where the budget ends before
  int least_rounds = 3;                    // also beyond the budget, up to twice of it; fewer: the result is weak
  double enough_width = 0.02;              // stop when the interval is this narrow, relatively
  std::uint64_t seed = 1;                  // of the bootstrap
};

// How long the runs of one model took.
struct Distribution {
  double p50_ms = 0;
  double p99_ms = 0;
  double mean_ms = 0;
  double throughput_per_sec = 0;
  std::int64_t runs = 0;
  std::vector<double> samples_ms;  // in order of time; every k-th where there were too many
};

struct Measured {
  Distribution original;
  Distribution candidate;
  double speedup = 1;  // median over the pairs of original / candidate; above 1: faster
  Interval speedup_interval{1, 1};
  int pairs = 0;
  int rounds = 0;
  bool weak = false;  // fewer than min_pairs or least_rounds were made
};

// The largest ratio that the machine made of two equal models, at least 1 (and 1 where no control was measured).
double wobble(const Measured& control);
// Faster: the interval lies beyond the wobble, and the measurement is not weak. Slower: it lies below 1 by more than
// the wobble, of which no more than kMostExcused counts, or by kMostExcused where the measurement is weak. So a machine
// that wavers hides gains and does not hide losses.
inline constexpr double kMostExcused = 1.05;
bool is_slower(const Measured& measured, double wobble);
bool is_faster(const Measured& measured, double wobble);

// A measurement of a model against itself says how much to believe the others: past 5 % width it
// is too noisy for a verdict, and so it is when it lies beside 1.
inline constexpr double kNoisyWidth = 0.05;
inline constexpr double kControlOffset = 0.02;  // a control this far from 1 is no better
bool is_too_noisy(const Measured& control);

// Rounds of warm-up and pairs of turns, until the interval is narrow enough or the budget is spent.
Result<Measured> measure_pairs(const OpenPair& open, const os::Clock& clock, const LatencyOptions& options,
                               const Progress& progress = {});

// The same with two models and one set of inputs. For the control row give the same model twice.
// Errors say which of the two failed.
Result<Measured> measure_latency(const OpenSession& original, const OpenSession& candidate,
                                 std::span<const NamedTensor> inputs, const LatencyOptions& options,
                                 const Progress& progress = {});

// One model alone: `warmup` runs that do not count, then `runs` that do (at least 1, at most
// kMaxRunsPerSide).
Result<Distribution> measure_runs(const Runner& runner, const os::Clock& clock, int warmup, int runs,
                                  const Progress& progress = {});

}  // namespace arete::proof
