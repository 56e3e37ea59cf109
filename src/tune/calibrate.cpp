#include "tune/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

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

// Of one sample, where the shapes tell; else nothing.
std::optional<std::size_t> sample_bytes(std::span<const engine::ValueInfo> inputs) {
  std::size_t bytes = 0;
  for (const engine::ValueInfo& input : inputs) {
    if (!input.known_shape || input.shape.empty()) return std::nullopt;
    const Result<std::size_t> own = tensor_bytes(input.dtype, Shape(input.shape.begin() + 1, input.shape.end()));
    if (!own) return std::nullopt;
    bytes += *own;
  }
  return bytes;
}

std::size_t input_bytes(const proof::Batch& batch) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : batch.inputs) bytes += input.tensor.size_bytes();
  return bytes;
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

Status Calibrator::run_one_by_one(const proof::Batch& batch, proof::SampleBatcher& batcher, Calibration& calibration) {
  for (std::size_t i = 0; i < batch.samples; ++i) {
    ASSIGN_OR_RETURN(const proof::Batch sample, proof::sample_of(batch, i));
    const Result<std::vector<Tensor>> outputs = session_->run(sample.inputs);
    if (!outputs) {
      batcher.skip(sample.origins[0] + ": " + outputs.error().message);
      continue;
    }
    RETURN_IF_ERROR(merge(pairs_, *outputs, calibration.ranges));
    ++calibration.samples;
  }
  return {};
}

Result<Calibration> Calibrator::run(SampleSource& source, const CalibrateOptions& options) {
  RETURN_IF_ERROR(source.rewind());
  proof::BatchRule rule = options.batch;
  const int largest = rule.largest;
  // Where the shapes do not tell how large a sample is, the first one does.
  const std::optional<std::size_t> known_bytes = sample_bytes(inputs());
  if (!rule.exact) rule.largest = known_bytes ? proof::batch_size_within(*known_bytes, largest) : 1;
  proof::SampleBatcher batcher(source, rule, options.max_samples);
  const std::size_t total = options.max_samples == 0 ? source.size() : std::min(source.size(), options.max_samples);
  Calibration calibration;
  int batch_size = 0;
  while (true) {
    if (options.cancelled && options.cancelled()) return Error{Code::kCancelled, "calibration was stopped"};
    ASSIGN_OR_RETURN(const std::optional<proof::Batch> batch, batcher.next());
    if (!batch) break;
    if (batch_size == 0) batch_size = proof::batch_size_within(input_bytes(*batch) / batch->samples, largest);
    const Result<std::vector<Tensor>> outputs = session_->run(batch->inputs);
    if (outputs) {
      RETURN_IF_ERROR(merge(pairs_, *outputs, calibration.ranges));
      calibration.samples += batch->samples;
    } else if (batch->samples == 1) {
      batcher.skip(batch->origins[0] + ": " + outputs.error().message);
    } else {
      const std::size_t skipped_before = batcher.skipped();
      RETURN_IF_ERROR(run_one_by_one(*batch, batcher, calibration));
      // No sample was to blame: the inside of the model is fixed to one row.
      if (batcher.skipped() == skipped_before) batch_size = 1;
    }
    batcher.set_batch_size(batch_size);
    if (options.progress) options.progress(batcher.samples() + batcher.skipped(), total);
  }
  calibration.skipped = batcher.skipped();
  calibration.reasons = batcher.reasons();
  if (calibration.samples == 0) {
    const std::string reason = calibration.reasons.empty() ? "it is empty" : calibration.reasons[0];
    return Error{Code::kInvalid, "no calibration sample could be used: " + reason};
  }
  return calibration;
}

}  // namespace arete::tune
