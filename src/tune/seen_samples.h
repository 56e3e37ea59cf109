// Which samples of one stream stand in another too: calibration and evaluation that share samples flatter the accuracy.
// Known by a 64-bit hash of their tensors, so that copies and links are found whatever their file is called.
// Not for: samples that only look alike. Threads: one. Memory: some 40 bytes a sample, at most kMaxSeenSamples.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "core/sample_source.h"

namespace arete::tune {

inline constexpr std::size_t kMaxSeenSamples = 1'000'000;
using SeenSamples = std::unordered_set<std::uint64_t>;

// Hands a source's samples on. Borrows the source.
class WatchedSource : public SampleSource {
 public:
  explicit WatchedSource(SampleSource& source) : source_(source) {}
  Result<std::optional<Sample>> next() final;
  Status rewind() override { return source_.rewind(); }
  std::size_t size() const final { return source_.size(); }
  bool has_labels() const final { return source_.has_labels(); }

 private:
  virtual void see(std::uint64_t hash) = 0;
  SampleSource& source_;
};

// Writes down what passes.
class RememberedSource final : public WatchedSource {
 public:
  RememberedSource(SampleSource& source, SeenSamples& seen) : WatchedSource(source), seen_(seen) {}

 private:
  void see(std::uint64_t hash) override;
  SeenSamples& seen_;
};

// Counts what was seen before.
class CountedSource final : public WatchedSource {
 public:
  CountedSource(SampleSource& source, const SeenSamples& seen) : WatchedSource(source), seen_(seen) {}
  Status rewind() override;
  std::size_t known() const { return known_; }  // since the last rewind

 private:
  void see(std::uint64_t hash) override { known_ += seen_.contains(hash) ? 1 : 0; }
  const SeenSamples& seen_;
  std::size_t known_ = 0;
};

}  // namespace arete::tune
