// Samples of a source joined into batches, as calibration and comparison run them: several at once
// where the model's first axes are dynamic, one by one elsewhere.
//
// A sample that cannot be read is counted and skipped, never fatal; the first reasons are kept.
// Threads: one. Ownership: borrows the source. Memory: one batch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"

namespace arete::proof {

inline constexpr int kDefaultBatch = 32;
inline constexpr std::size_t kMaxKeptReasons = 5;
// What a batch takes (its inputs; where models are compared, the outputs of all as well) stays below this.
inline constexpr std::size_t kMaxBatchBytes = std::size_t{64} << 20;

// kDefaultBatch when the first axis of every input is dynamic (-1) and its dtype can be joined,
// else 1.
int batch_size_for(std::span<const engine::ValueInfo> inputs);

// At most `largest`, and as many as stay below kMaxBatchBytes; at least 1.
int batch_size_within(std::size_t bytes_a_sample, int largest);

struct Batch {
  std::vector<NamedTensor> inputs;  // first axis: `samples`
  std::vector<std::optional<std::int64_t>> labels;
  std::vector<std::string> origins;
  std::size_t samples = 0;
};

// One sample of a batch, as a batch of its own.
Result<Batch> sample_of(const Batch& batch, std::size_t index);

class SampleBatcher {
 public:
  // At most max_samples in all (0: no limit).
  SampleBatcher(SampleSource& source, int batch_size, std::size_t max_samples = 0)
      : source_(source), batch_size_(batch_size), max_samples_(max_samples) {}

  // The next batch, nothing at the end. Samples of one batch have equal shapes.
  Result<std::optional<Batch>> next();
  void set_batch_size(int batch_size) { batch_size_ = batch_size; }

  // Counts a sample that was read but could not be used after all.
  void skip(const std::string& reason);

  std::size_t samples() const { return samples_; }  // read so far
  std::size_t skipped() const { return skipped_; }
  const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  SampleSource& source_;
  int batch_size_;
  std::size_t max_samples_;
  std::size_t samples_ = 0;
  std::size_t skipped_ = 0;
  std::vector<std::string> reasons_;
  std::optional<Sample> held_;  // of another shape than the batch before it
};

}  // namespace arete::proof
