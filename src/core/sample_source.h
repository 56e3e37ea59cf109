// SampleSource: a stream of model inputs with labels, the value that calibration and proof take.
//
// Streams: a source holds one sample at a time, so that memory stays flat in their number.
// Threads: one at a time. Ownership: the caller owns the source and each sample it returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"

namespace arete {

// One example. Every tensor has a leading batch axis of size 1, unless the sample is whole.
struct Sample {
  std::vector<NamedTensor> inputs;
  std::optional<std::int64_t> label;  // class index
  std::string origin;                 // where it came from, for error messages ("dog/3.jpg", "row 17")
  // The tensors are the model's inputs as they stand (no batch axis, or a batch in them): not to be joined.
  bool whole = false;
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // The next sample, or nothing at the end. An error names the sample and does not end the
  // stream: next() may be called again and goes on behind the bad one.
  virtual Result<std::optional<Sample>> next() = 0;
  // Back to the first sample, in the same order.
  virtual Status rewind() = 0;
  // Samples in total.
  virtual std::size_t size() const = 0;
  // True when samples carry labels.
  virtual bool has_labels() const = 0;
};

}  // namespace arete
