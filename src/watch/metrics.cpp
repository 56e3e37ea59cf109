#include "watch/metrics.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace arete::watch {

Histogram::Histogram(std::span<const double> bounds) : bounds_(bounds) { CHECK(bounds.size() <= kMaxBounds); }

void Histogram::observe(double value, std::uint64_t times) {
  if (!std::isfinite(value)) return;
  const auto at = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  counts_[at].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot taken;
  taken.bounds.assign(bounds_.begin(), bounds_.end());
  taken.counts.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    taken.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    taken.count += taken.counts.back();
  }
  taken.sum = sum_.load(std::memory_order_relaxed);
  return taken;
}

void Histogram::reset() {
  for (std::atomic<std::uint64_t>& count : counts_) count.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
}

HistogramSnapshot since(const HistogramSnapshot& earlier, const HistogramSnapshot& later) {
  if (earlier.bounds != later.bounds || earlier.counts.size() != later.counts.size()) return later;
  HistogramSnapshot between = later;
  for (std::size_t i = 0; i < between.counts.size(); ++i) {
    if (earlier.counts[i] > later.counts[i]) return later;
    between.counts[i] -= earlier.counts[i];
  }
  between.count -= earlier.count;
  between.sum -= earlier.sum;
  return between;
}

std::optional<double> quantile(const HistogramSnapshot& histogram, double q) {
  if (histogram.count == 0 || histogram.bounds.empty()) return std::nullopt;
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(histogram.count);
  double below = 0;
  for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
    const auto inside = static_cast<double>(histogram.counts[i]);
    if (inside > 0 && below + inside >= rank) {
      const double high = histogram.bounds[i];
      const double low = i > 0 ? histogram.bounds[i - 1] : std::min(0.0, high);
      return low + (high - low) * std::max(0.0, rank - below) / inside;
    }
    below += inside;
  }
  return histogram.bounds.back();
}

}  // namespace arete::watch
