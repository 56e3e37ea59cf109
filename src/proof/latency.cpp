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

// One of the two models and how long its runs took, over all rounds.
class Side {
 public:
  Side(const char* name, const os::Clock& clock) : name_(name), clock_(clock) {}

  // The runner of this round.
  Status warm_up(Runner runner, std::int64_t limit_ns) {
    runner_ = std::move(runner);
    const std::int64_t start = clock_.now_ns();
    for (int i = 0; i < kWarmupRuns; ++i) {
      RETURN_IF_ERROR(run());
      if (clock_.now_ns() - start >= limit_ns) break;
    }
    return {};
  }

  void close() { runner_ = nullptr; }

  // As many runs as fill turn_ns. Returns their median in milliseconds.
  Result<double> take_turn(std::int64_t turn_ns) {
    const std::size_t first = runs_ms_.size();
    const std::int64_t start = clock_.now_ns();
    std::int64_t before = start;
    do {
      RETURN_IF_ERROR(run());
      const std::int64_t after = clock_.now_ns();
      runs_ms_.push_back(static_cast<double>(after - before) / kNsPerMs);
      before = after;
    } while (before - start < turn_ns && runs_ms_.size() < kMaxRunsPerSide);
    return median({runs_ms_.begin() + static_cast<std::ptrdiff_t>(first), runs_ms_.end()});
  }

  bool is_full() const { return runs_ms_.size() >= kMaxRunsPerSide; }
  const std::vector<double>& runs_ms() const { return runs_ms_; }

 private:
  Status run() {
    Status status = runner_();
    return status ? Status() : with_context(std::move(status).error(), name_);
  }

  const char* name_;
  const os::Clock& clock_;
  Runner runner_;
  std::vector<double> runs_ms_;
};

double relative_width(const Interval& interval, double centre) {
  return centre > 0 ? (interval.high - interval.low) / centre : 0;
}

class PairMeasurement {
 public:
  PairMeasurement(const OpenPair& open, const os::Clock& clock, const LatencyOptions& options, const Progress& progress)
      : open_(open),
        original_("the original", clock),
        candidate_("the candidate", clock),
        clock_(clock),
        options_(options),
        progress_(progress),
        start_ns_(clock.now_ns()),
        next_look_(std::max(options.min_pairs, static_cast<int>(kLeastPairs))) {}

  Result<Measured> run() {
    do {
      RETURN_IF_ERROR(take_round());
    } while (!is_done());
    return result();
  }

 private:
  // One ABBA at least, however long it takes.
  static constexpr std::size_t kLeastPairs = 2;
  static constexpr std::size_t kPairsARound = 6;

  // A round takes at least as long as its opening did, so that most of the time is measured; and no more of the budget
  // than leaves room for the other rounds.
  Status take_round() {
    const std::int64_t begin_ns = clock_.now_ns();
    original_.close();
    candidate_.close();
    ASSIGN_OR_RETURN(RunnerPair pair, open_());
    opening_took_ns_ = clock_.now_ns() - begin_ns;
    RETURN_IF_ERROR(original_.warm_up(std::move(pair.original), options_.warmup_ns));
    RETURN_IF_ERROR(candidate_.warm_up(std::move(pair.candidate), options_.warmup_ns));
    const std::int64_t warm_ns = clock_.now_ns();
    std::vector<double>& ratios = rounds_.emplace_back();
    const auto is_enough = [&] {
      const std::int64_t now_ns = clock_.now_ns();
      if (ratios.size() >= kPairsARound) return now_ns - warm_ns >= opening_took_ns_;
      return ratios.size() >= kLeastPairs && now_ns - begin_ns >= options_.budget_ns / options_.least_rounds;
    };
    do {
      RETURN_IF_ERROR(check_stop(progress_));
      RETURN_IF_ERROR(take_pair(ratios));
      report(progress_, std::min(elapsed_ns(), options_.budget_ns) / 1'000'000, options_.budget_ns / 1'000'000);
    } while (!must_end() && !is_enough());
    return {};
  }

  // AB, BA, AB, ...: what drifts during a pair adds to one ratio and takes from the next.
  Status take_pair(std::vector<double>& ratios) {
    const bool original_first = pairs_ % 2 == 0;
    double turn_ms[2] = {0, 0};  // original, candidate
    for (const bool is_original : {original_first, !original_first}) {
      ASSIGN_OR_RETURN(turn_ms[is_original ? 0 : 1],
                       (is_original ? original_ : candidate_).take_turn(options_.turn_ns));
    }
    // A clock that is too coarse shows 0: count that as one of its steps.
    ratios.push_back(std::max(turn_ms[0], 1 / kNsPerMs) / std::max(turn_ms[1], 1 / kNsPerMs));
    ++pairs_;
    return {};
  }

  std::int64_t elapsed_ns() const { return clock_.now_ns() - start_ns_; }

  bool must_end() const {
    if (pairs_ < static_cast<int>(kLeastPairs)) return false;
    if (original_.is_full() || candidate_.is_full()) return true;
    const bool has_rounds = rounds_.size() >= static_cast<std::size_t>(options_.least_rounds);
    return elapsed_ns() >= (has_rounds ? 1 : 2) * options_.budget_ns;
  }

  bool is_done() {
    if (must_end()) return true;
    // A round that the budget would cut off while it is opened is not begun.
    const bool has_rounds = rounds_.size() >= static_cast<std::size_t>(options_.least_rounds);
    if (has_rounds && elapsed_ns() + opening_took_ns_ >= options_.budget_ns) return true;
    if (pairs_ < next_look_ || rounds_.size() < static_cast<std::size_t>(options_.min_rounds)) return false;
    next_look_ = static_cast<int>(pairs_ * kLookGrowth) + 1;
    return relative_width(bootstrap_median(rounds_, options_.seed), median(ratios())) < options_.enough_width;
  }

  std::vector<double> ratios() const {
    std::vector<double> all;
    for (const std::vector<double>& round : rounds_) all.insert(all.end(), round.begin(), round.end());
    return all;
  }

  Measured result() const {
    Measured out;
    out.original = summarise(original_.runs_ms());
    out.candidate = summarise(candidate_.runs_ms());
    out.speedup = median(ratios());
    out.speedup_interval = bootstrap_median(rounds_, options_.seed);
    out.pairs = pairs_;
    out.rounds = static_cast<int>(rounds_.size());
    out.weak = out.pairs < options_.min_pairs || out.rounds < options_.least_rounds;
    return out;
  }

  const OpenPair& open_;
  Side original_;
  Side candidate_;
  const os::Clock& clock_;
  const LatencyOptions& options_;
  const Progress& progress_;
  std::int64_t start_ns_;
  std::int64_t opening_took_ns_ = 0;  // of the last round
  int next_look_;
  int pairs_ = 0;
  std::vector<std::vector<double>> rounds_;  // the ratios of their pairs
};

Result<Runner> open_runner(const OpenSession& open, std::span<const NamedTensor> inputs, const char* name) {
  Result<std::unique_ptr<engine::Session>> opened = open();
  if (!opened) return with_context(std::move(opened).error(), name);
  const std::shared_ptr<engine::Session> session = std::move(*opened);
  return Runner([session, inputs]() -> Status {
    const Result<std::vector<Tensor>> outputs = session->run(inputs);
    return outputs ? Status() : Status(outputs.error());
  });
}

}  // namespace

double wobble(const Measured& control) {
  const Interval& seen = control.speedup_interval;
  return std::max({1.0, seen.high, seen.low > 0 ? 1.0 / seen.low : 1.0});
}

bool is_slower(const Measured& measured, double wobble) {
  return measured.speedup_interval.high * (measured.weak ? kMostExcused : std::min(wobble, kMostExcused)) < 1;
}
bool is_faster(const Measured& measured, double wobble) {
  return !measured.weak && measured.speedup_interval.low > wobble;
}

bool is_too_noisy(const Measured& control) {
  // A narrow interval away from 1 is noise too: the machine favoured one side all along.
  const Interval& interval = control.speedup_interval;
  const bool one_sided = interval.low > 1 + kControlOffset || interval.high < 1 - kControlOffset;
  return one_sided || relative_width(interval, control.speedup) > kNoisyWidth;
}

Result<Measured> measure_pairs(const OpenPair& open, const os::Clock& clock, const LatencyOptions& options,
                               const Progress& progress) {
  return PairMeasurement(open, clock, options, progress).run();
}

Result<Measured> measure_latency(const OpenSession& original, const OpenSession& candidate,
                                 std::span<const NamedTensor> inputs, const LatencyOptions& options,
                                 const Progress& progress) {
  bool original_first = false;
  const OpenPair open = [&]() -> Result<RunnerPair> {
    original_first = !original_first;  // who is opened first finds memory that the other does not
    RunnerPair pair;
    for (const bool is_original : {original_first, !original_first}) {
      ASSIGN_OR_RETURN(Runner runner, open_runner(is_original ? original : candidate, inputs,
                                                  is_original ? "the original" : "the candidate"));
      (is_original ? pair.original : pair.candidate) = std::move(runner);
    }
    return pair;
  };
  return measure_pairs(open, os::real_clock(), options, progress);
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
