// Calibration: samples -> the smallest and largest value that each tensor took.
//
// The reductions run inside the graph (pass/quantize.h, observe_ranges), so only two numbers a tensor
// leave the engine and memory is flat in the number of samples.
// Threads: call from one; the engine uses `threads`.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "graph/model.h"
#include "pass/quantize.h"
#include "proof/sample_batch.h"

namespace arete::tune {

struct CalibrateOptions {
  std::size_t max_samples = 0;  // 0: all
  proof::BatchRule batch;       // of the model; one by one unless said otherwise
  std::function<void(std::size_t done, std::size_t total)> progress;
  std::function<bool()> cancelled;
};

struct Calibration {
  pass::Ranges ranges;
  std::size_t samples = 0;
  std::size_t skipped = 0;
  std::vector<std::string> reasons;  // of the first skipped samples
};

// A model opened for calibration: opening costs once, a run once per look at the samples.
class Calibrator {
 public:
  // kUnsupported when there is nothing to observe; the engine's errors.
  static Result<Calibrator> open(engine::Engine& engine, const graph::Model& model,
                                 const std::vector<std::string>& tensors, int threads);

  const std::vector<engine::ValueInfo>& inputs() const { return session_->inputs(); }
  // A sample that cannot be read or that the model refuses is skipped and counted. kInvalid when none is left or a
  // tensor took NaN or infinite values (it is named), kCancelled. Starts anew each time.
  Result<Calibration> run(SampleSource& source, const CalibrateOptions& options);

 private:
  Calibrator(std::vector<pass::ObservedModel::Pair> pairs, std::unique_ptr<engine::Session> session)
      : pairs_(std::move(pairs)), session_(std::move(session)) {}

  Status run_one_by_one(const proof::Batch& batch, proof::SampleBatcher& batcher, Calibration& calibration);

  std::vector<pass::ObservedModel::Pair> pairs_;
  std::unique_ptr<engine::Session> session_;
};

}  // namespace arete::tune
