// Samples of a source joined into batches, as calibration and comparison run them: several at once
// where the model's first axes are dynamic, as many as the model wants where they are fixed, and one
// by one elsewhere.
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
// What a batch takes (its inputs; where models are compared, the outputs of all as well) stays below this, unless the
// model wants an exact number.
inline constexpr std::size_t kMaxBatchBytes = std::size_t{64} << 20;

// How many samples a model takes at once.
struct BatchRule {
  int largest = 1;
  bool exact = false;  // that many and no other: a batch with fewer samples repeats its last one
};
inline constexpr std::int64_t kMaxExactBatch = 1024;

// kDefaultBatch when the first axis of every input is dynamic (-1) and its dtype can be joined; exactly n when that
// axis is n for all (at most kMaxExactBatch). All outputs that are given must carry the same axis (a dynamic one, or
// say nothing): one that they do not carry is no batch but time, in a sequence model. Else 1.
BatchRule batch_rule_for(std::span<const engine::ValueInfo> inputs, std::span<const engine::ValueInfo> outputs = {});

// At most `largest`, and as many as stay below kMaxBatchBytes; at least 1.
int batch_size_within(std::size_t bytes_a_sample, int largest);

struct Batch {
  std::vector<NamedTensor> inputs;  // first axis: `rows`, unless it is one whole sample
  std::vector<std::optional<std::int64_t>> labels;
  std::vector<std::string> origins;
  std::size_t samples = 0;
  std::size_t rows = 0;  // samples, and repetitions of the last one where the model wants an exact number
  bool is_exact = false;
};

// One sample of a batch, as a batch of its own with as many rows as the model wants.
Result<Batch> sample_of(const Batch& batch, std::size_t index);

class SampleBatcher {
 public:
  // At most max_samples in all (0: no limit).
  SampleBatcher(SampleSource& source, const BatchRule& rule, std::size_t max_samples = 0)
      : source_(source), rule_(rule), max_samples_(max_samples) {}

  // The next batch, nothing at the end. Samples of one batch have equal shapes.
  Result<std::optional<Batch>> next();
  // Nothing changes where the model wants an exact number.
  void set_batch_size(int batch_size) {
    if (!rule_.exact) rule_.largest = batch_size;
  }

  // Counts a sample that was read but could not be used after all.
  void skip(const std::string& reason);

  std::size_t samples() const { return samples_; }  // read so far
  std::size_t skipped() const { return skipped_; }
  const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  SampleSource& source_;
  BatchRule rule_;
  std::size_t max_samples_;
  std::size_t samples_ = 0;
  std::size_t skipped_ = 0;
  std::vector<std::string> reasons_;
  std::optional<Sample> held_;  // of another shape than the batch before it
};

}  // namespace arete::proof
