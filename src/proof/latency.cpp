#include "proof/latency.h"

#include <algorithm>
#include <numeric>

namespace arete::proof {
namespace {

constexpr int kWarmupRuns = 10;
constexpr double kNsPerMs = 1e6;
// An interval is looked at after 30 pairs, then each time a quarter more are there: few looks cost
// little and leave the interval honest.
constexpr double kLookGrowth = 1.25;

Distribution summarise(const std::vector<double>& runs_ms) {
  Distribution out;
  out.runs = static_cast<std::int64_t>(runs_ms.size());
  if (runs_ms.empty()) return out;
  const std::size_t stride = (runs_ms.size() + kMaxSamplesKept - 1) / kMaxSamplesKept;
  for (std::size_t i = 0; i < runs_ms.size(); i += stride) out.samples_ms.push_back(runs_ms[i]);
  const double total_ms = std::accumulate(runs_ms.begin(), runs_ms.end(), 0.0);
  std::vector<double> sorted = runs_ms;
  std::ranges::sort(sorted);
  out.p50_ms = percentile_of_sorted(sorted, 50);
  out.p99_ms = percentile_of_sorted(sorted, 99);
  out.mean_ms = total_ms / static_cast<double>(runs_ms.size());
  out.throughput_per_sec = total_ms > 0 ? 1000 * static_cast<double>(runs_ms.size()) / total_ms : 0;
  return out;
}

// One of the two models and how long its runs took.
class Side {
 public:
  Side(const Runner& runner, const os::Clock& clock) : runner_(runner), clock_(clock) {}

  Status warm_up(std::int64_t limit_ns) {
    const std::int64_t start = clock_.now_ns();
    for (int i = 0; i < kWarmupRuns; ++i) {
      RETURN_IF_ERROR(runner_());
      if (clock_.now_ns() - start >= limit_ns) break;
    }
    return {};
  }

  // As many runs as fill turn_ns. Returns their median in milliseconds.
  Result<double> take_turn(std::int64_t turn_ns) {
    const std::size_t first = runs_ms_.size();
    const std::int64_t start = clock_.now_ns();
    std::int64_t before = start;
    do {
      RETURN_IF_ERROR(runner_());
      const std::int64_t after = clock_.now_ns();
      runs_ms_.push_back(static_cast<double>(after - before) / kNsPerMs);
      before = after;
    } while (before - start < turn_ns && runs_ms_.size() < kMaxRunsPerSide);
    return median({runs_ms_.begin() + static_cast<std::ptrdiff_t>(first), runs_ms_.end()});
  }

  bool is_full() const { return runs_ms_.size() >= kMaxRunsPerSide; }
  const std::vector<double>& runs_ms() const { return runs_ms_; }

 private:
  const Runner& runner_;
  const os::Clock& clock_;
  std::vector<double> runs_ms_;
};

double relative_width(const Interval& interval, double centre) {
  return centre > 0 ? (interval.high - interval.low) / centre : 0;
}

class PairMeasurement {
 public:
  PairMeasurement(const Runner& original, const Runner& candidate, const os::Clock& clock,
                  const LatencyOptions& options, const Progress& progress)
      : original_(original, clock),
        candidate_(candidate, clock),
        clock_(clock),
        options_(options),
        progress_(progress),
        start_ns_(clock.now_ns()),
        next_look_(std::max(options.min_pairs, 2)) {}

  Result<Measured> run() {
    RETURN_IF_ERROR(name_error(original_.warm_up(options_.warmup_ns), "the original"));
    RETURN_IF_ERROR(name_error(candidate_.warm_up(options_.warmup_ns), "the candidate"));
    while (!is_done()) {
      RETURN_IF_ERROR(check_stop(progress_));
      RETURN_IF_ERROR(take_pair());
      const std::int64_t elapsed_ns = clock_.now_ns() - start_ns_;
      report(progress_, std::min(elapsed_ns, options_.budget_ns) / 1'000'000, options_.budget_ns / 1'000'000);
    }
    return result();
  }

 private:
  static Status name_error(Status status, const char* who) {
    if (status) return status;
    return with_context(std::move(status).error(), who);
  }

  // AB, BA, AB, ...: what drifts during a pair adds to one ratio and takes from the next.
  Status take_pair() {
    const bool original_first = ratios_.size() % 2 == 0;
    double turn_ms[2] = {0, 0};  // original, candidate
    for (const bool is_original : {original_first, !original_first}) {
      Result<double> turn = (is_original ? original_ : candidate_).take_turn(options_.turn_ns);
      if (!turn) {
        return with_context(std::move(turn).error(), is_original ? "the original" : "the candidate");
      }
      turn_ms[is_original ? 0 : 1] = *turn;
    }
    // A clock that is too coarse shows 0: count that as one of its steps.
    ratios_.push_back(std::max(turn_ms[0], 1 / kNsPerMs) / std::max(turn_ms[1], 1 / kNsPerMs));
    return {};
  }

  bool is_done() {
    if (ratios_.size() < 2) return false;  // one ABBA at least, however long it takes
    if (original_.is_full() || candidate_.is_full()) return true;
    if (clock_.now_ns() - start_ns_ >= options_.budget_ns) return true;
    if (ratios_.size() < static_cast<std::size_t>(next_look_)) return false;
    next_look_ = static_cast<int>(static_cast<double>(ratios_.size()) * kLookGrowth) + 1;
    const Interval interval = bootstrap_median(ratios_, options_.seed);
    return relative_width(interval, median(ratios_)) < options_.enough_width;
  }

  Measured result() const {
    Measured out;
    out.original = summarise(original_.runs_ms());
    out.candidate = summarise(candidate_.runs_ms());
    out.speedup = median(ratios_);
    out.speedup_interval = bootstrap_median(ratios_, options_.seed);
    out.pairs = static_cast<int>(ratios_.size());
    out.weak = out.pairs < options_.min_pairs;
    return out;
  }

  Side original_;
  Side candidate_;
  const os::Clock& clock_;
  const LatencyOptions& options_;
  const Progress& progress_;
  std::int64_t start_ns_;
  int next_look_;
  std::vector<double> ratios_;
};

}  // namespace

double wobble(const Measured& control) {
  const Interval& seen = control.speedup_interval;
  return std::max({1.0, seen.high, seen.low > 0 ? 1.0 / seen.low : 1.0});
}

bool is_slower(const Measured& measured, double wobble) { return measured.speedup_interval.high * wobble < 1; }
bool is_faster(const Measured& measured, double wobble) { return measured.speedup_interval.low > wobble; }

bool is_too_noisy(const Measured& control) {
  // A narrow interval away from 1 is noise too: the machine favoured one side all along.
  const Interval& interval = control.speedup_interval;
  const bool one_sided = interval.low > 1 + kControlOffset || interval.high < 1 - kControlOffset;
  return one_sided || relative_width(interval, control.speedup) > kNoisyWidth;
}

Result<Measured> measure_pairs(const Runner& original, const Runner& candidate, const os::Clock& clock,
                               const LatencyOptions& options, const Progress& progress) {
  return PairMeasurement(original, candidate, clock, options, progress).run();
}

Result<Measured> measure_latency(engine::Session& original, engine::Session& candidate,
                                 std::span<const NamedTensor> inputs, const LatencyOptions& options,
                                 const Progress& progress) {
  const auto runner_of = [inputs](engine::Session& session) -> Runner {
    return [&session, inputs]() -> Status {
      const Result<std::vector<Tensor>> outputs = session.run(inputs);
      return outputs ? Status() : Status(outputs.error());
    };
  };
  return measure_pairs(runner_of(original), runner_of(candidate), os::real_clock(), options, progress);
}

Result<Distribution> measure_runs(const Runner& runner, const os::Clock& clock, int warmup, int runs,
                                  const Progress& progress) {
  if (warmup < 0 || runs < 1 || static_cast<std::size_t>(runs) > kMaxRunsPerSide) {
    return Error{Code::kInvalid,
                 "give at least 1 run and at most " + std::to_string(kMaxRunsPerSide) + ", and no negative warm-up"};
  }
  for (int i = 0; i < warmup; ++i) {
    RETURN_IF_ERROR(check_stop(progress));
    RETURN_IF_ERROR(runner());
  }
  std::vector<double> runs_ms;
  for (int i = 0; i < runs; ++i) {
    RETURN_IF_ERROR(check_stop(progress));
    const std::int64_t before = clock.now_ns();
    RETURN_IF_ERROR(runner());
    runs_ms.push_back(static_cast<double>(clock.now_ns() - before) / kNsPerMs);
    report(progress, i + 1, runs);
  }
  return summarise(runs_ms);
}

}  // namespace arete::proof
