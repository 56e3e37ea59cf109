#include "tune/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/onnx_io.h"
#include "proof/sample_batch.h"

namespace arete::tune {
namespace {

Result<float> scalar_of(const Tensor& tensor, const std::string& name) {
  if (tensor.dtype() != DType::kFloat32 || tensor.size() != 1) {
    return Error{Code::kBug, "the range of '" + name + "' came out as " + describe(tensor)};
  }
  return tensor.data<float>()[0];
}

// Widens the ranges by what one batch showed. Outputs stand in the order of the pairs.
Status merge(const std::vector<pass::ObservedModel::Pair>& pairs, const std::vector<Tensor>& outputs,
             pass::Ranges& ranges) {
  std::size_t at = 0;
  for (const auto& pair : pairs) {
    float low = 0.0F;
    if (!pair.min_output.empty()) {
      ASSIGN_OR_RETURN(low, scalar_of(outputs[at++], pair.tensor));
    }
    ASSIGN_OR_RETURN(const float high, scalar_of(outputs[at++], pair.tensor));
    if (!std::isfinite(low) || !std::isfinite(high)) {
      return Error{
          Code::kInvalid,
          "tensor '" + pair.tensor +
              "' took NaN or infinite values on the calibration data; look at the samples' scale or the model"};
    }
    auto [entry, fresh] = ranges.try_emplace(pair.tensor, pass::Range{low, high});
    if (fresh) continue;
    entry->second.min = std::min(entry->second.min, low);
    entry->second.max = std::max(entry->second.max, high);
  }
  return {};
}

Result<std::unique_ptr<engine::Session>> open_observed(engine::Engine& engine, const pass::ObservedModel& observed,
                                                       int threads) {
  ASSIGN_OR_RETURN(graph::WrittenModel written, graph::write_onnx(observed.model));
  engine::SessionOptions options;
  options.threads = threads;
  return engine.open(engine::ModelSource::from_bytes(std::move(written.bytes), "calibration model"), options);
}

}  // namespace

Result<Calibrator> Calibrator::open(engine::Engine& engine, const graph::Model& model,
                                    const std::vector<std::string>& tensors, int threads) {
  if (tensors.empty()) return Error{Code::kUnsupported, "nothing to observe: no operator of the model can run on int8"};
  ASSIGN_OR_RETURN(pass::ObservedModel observed, pass::observe_ranges(model, tensors));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session, open_observed(engine, observed, threads));
  return Calibrator(std::move(observed.pairs), std::move(session));
}

Result<Calibration> Calibrator::run(SampleSource& source, const CalibrateOptions& options) {
  RETURN_IF_ERROR(source.rewind());
  const int batch_size = options.batch_size > 0 ? options.batch_size : proof::batch_size_for(inputs());
  proof::SampleBatcher batcher(source, batch_size, options.max_samples);
  const std::size_t total = options.max_samples == 0 ? source.size() : std::min(source.size(), options.max_samples);
  Calibration calibration;
  while (true) {
    if (options.cancelled && options.cancelled()) return Error{Code::kCancelled, "calibration was stopped"};
    ASSIGN_OR_RETURN(const std::optional<proof::Batch> batch, batcher.next());
    if (!batch) break;
    ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, session_->run(batch->inputs));
    RETURN_IF_ERROR(merge(pairs_, outputs, calibration.ranges));
    if (options.progress) options.progress(batcher.samples() + batcher.skipped(), total);
  }
  calibration.samples = batcher.samples();
  calibration.skipped = batcher.skipped();
  calibration.reasons = batcher.reasons();
  if (calibration.samples == 0) {
    const std::string reason = calibration.reasons.empty() ? "it is empty" : calibration.reasons[0];
    return Error{Code::kInvalid, "no calibration sample could be used: " + reason};
  }
  return calibration;
}

Result<Calibration> calibrate(engine::Engine& engine, const graph::Model& model,
                              const std::vector<std::string>& tensors, SampleSource& source,
                              const CalibrateOptions& options) {
  ASSIGN_OR_RETURN(Calibrator calibrator, Calibrator::open(engine, model, tensors, options.threads));
  return calibrator.run(source, options);
}

}  // namespace arete::tune
