// Counter, Gauge, Histogram: numbers that many threads count into while another reads them.
//
// Not for: names and labels (registry.h), text (prometheus.h), exact percentiles (proof/statistics.h).
// Threads: everything here may be called from any thread at once; counting is relaxed atomics, without locks. A
// snapshot taken under load may lack what is counted meanwhile, but is whole in itself: its count is the sum of its
// buckets. Ownership: a Histogram borrows its bounds. Limits: kMaxBounds.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace arete::watch {

// What different threads count into must not share a line of cache.
inline constexpr std::size_t kCacheLineBytes = 64;

// Only ever grows.
class alignas(kCacheLineBytes) Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void reset() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down, in the base unit of its name (seconds, bytes, a ratio from 0 to 1).
class alignas(kCacheLineBytes) Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }
  void reset() { set(0); }

 private:
  std::atomic<double> value_{0};
};

inline constexpr std::size_t kMaxBounds = 32;

// A histogram at one moment. counts[i] is how many values lay in (bounds[i-1], bounds[i]]; the last one, behind all
// bounds, has no upper bound: counts.size() == bounds.size() + 1. `count` is their sum, `sum` that of the values.
struct HistogramSnapshot {
  std::vector<double> bounds = {};
  std::vector<std::uint64_t> counts = {};
  std::uint64_t count = 0;
  double sum = 0;
};

class alignas(kCacheLineBytes) Histogram {
 public:
  // Upper bounds, ascending and finite, at most kMaxBounds; borrowed.
  explicit Histogram(std::span<const double> bounds);
  // `times` values of this size. What is not finite is not counted.
  void observe(double value, std::uint64_t times = 1);
  HistogramSnapshot snapshot() const;
  void reset();

 private:
  std::span<const double> bounds_;
  std::array<std::atomic<std::uint64_t>, kMaxBounds + 1> counts_{};
  std::atomic<double> sum_{0};
};

// What came in between two snapshots of one histogram. Everything of `later` where it was reset meanwhile.
HistogramSnapshot since(const HistogramSnapshot& earlier, const HistogramSnapshot& later);

// The value below which the share q (0 to 1) of all values lies, estimated: values are taken to lie evenly in their
// bucket, which is as good as the bounds are close. What lies behind the last bound counts as the last bound. Nothing
// of an empty histogram. As histogram_quantile() of PromQL.
std::optional<double> quantile(const HistogramSnapshot& histogram, double q);

// Bounds for most uses. Seconds: from a small model's run to a request that nobody waits for.
inline constexpr std::array<double, 22> kSecondsBounds = {10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3,  2e-3,
                                                          3e-3,  5e-3,  7e-3,  10e-3,  15e-3,  20e-3,  30e-3, 50e-3,
                                                          0.1,   0.2,   0.5,   1.0,    2.0,    10.0};
inline constexpr std::array<double, 9> kBatchBounds = {1, 2, 3, 4, 8, 16, 32, 64, 128};
inline constexpr std::array<double, 7> kBytesBounds = {1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

}  // namespace arete::watch
