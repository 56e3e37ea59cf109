#include "proof/sample_batch.h"

#include <algorithm>

#include "core/batch.h"

namespace arete::proof {
namespace {

Result<Batch> join(std::vector<Sample>& samples) {
  Batch batch;
  batch.samples = samples.size();
  for (const Sample& sample : samples) batch.labels.push_back(sample.label);
  for (std::size_t i = 0; i < samples[0].inputs.size(); ++i) {
    std::vector<Tensor> parts;
    for (const Sample& sample : samples) {
      parts.push_back(sample.inputs[i].tensor);
    }
    ASSIGN_OR_RETURN(Tensor joined, concat_rows(parts));
    batch.inputs.push_back({samples[0].inputs[i].name, std::move(joined)});
  }
  return batch;
}

bool same_shapes(const Sample& a, const Sample& b) {
  return std::ranges::equal(a.inputs, b.inputs, [](const NamedTensor& x, const NamedTensor& y) {
    return x.name == y.name && x.tensor.dtype() == y.tensor.dtype() &&
           x.tensor.shape() == y.tensor.shape();
  });
}

}  // namespace

int batch_size_for(std::span<const engine::ValueInfo> inputs) {
  const bool dynamic =
      !inputs.empty() && std::ranges::all_of(inputs, [](const engine::ValueInfo& info) {
        return info.known_shape && !info.shape.empty() && info.shape[0] == -1;
      });
  return dynamic ? kDefaultBatch : 1;
}

Result<std::optional<Batch>> SampleBatcher::next() {
  std::vector<Sample> samples;
  if (held_) {
    samples.push_back(std::move(*held_));
    held_.reset();
  }
  while (static_cast<int>(samples.size()) < batch_size_ &&
         (max_samples_ == 0 || samples_ < max_samples_)) {
    Result<std::optional<Sample>> sample = source_.next();
    if (!sample) {
      ++skipped_;
      if (reasons_.size() < kMaxKeptReasons) reasons_.push_back(sample.error().message);
      continue;
    }
    if (!sample->has_value()) break;
    ++samples_;
    if (!samples.empty() && !same_shapes(samples[0], **sample)) {
      held_ = std::move(**sample);
      break;
    }
    samples.push_back(std::move(**sample));
  }
  if (samples.empty()) return std::optional<Batch>();
  ASSIGN_OR_RETURN(Batch batch, join(samples));
  return std::optional<Batch>(std::move(batch));
}

}  // namespace arete::proof
