#include "proof/sample_batch.h"

#include <algorithm>

#include "core/batch.h"

namespace arete::proof {
namespace {

Result<std::vector<NamedTensor>> join_inputs(std::vector<Sample>& samples) {
  // Alone, also what has no rows to join: scalars, strings, 4-bit numbers.
  if (samples.size() == 1) return std::move(samples[0].inputs);
  std::vector<std::span<const NamedTensor>> members;
  for (const Sample& sample : samples) members.emplace_back(sample.inputs);
  return concat_members(members);
}

Result<Batch> join(std::vector<Sample> samples) {
  Batch batch;
  batch.samples = samples.size();
  batch.rows = samples.size();
  for (Sample& sample : samples) {
    batch.labels.push_back(sample.label);
    batch.origins.push_back(std::move(sample.origin));
  }
  ASSIGN_OR_RETURN(batch.inputs, join_inputs(samples));
  return batch;
}

// Repeats the batch's last row until there are `rows` of them.
Status pad(Batch& batch, std::size_t rows) {
  if (batch.rows == rows) return {};
  for (NamedTensor& input : batch.inputs) {
    std::vector<Tensor> parts = {input.tensor};
    ASSIGN_OR_RETURN(const Tensor last, slice_rows(input.tensor, static_cast<std::int64_t>(batch.rows) - 1, 1));
    parts.resize(1 + rows - batch.rows, last);
    ASSIGN_OR_RETURN(input.tensor, concat_rows(parts));
  }
  batch.rows = rows;
  return {};
}

bool same_shapes(const Sample& a, const Sample& b) {
  return std::ranges::equal(a.inputs, b.inputs, [](const NamedTensor& x, const NamedTensor& y) {
    return x.name == y.name && x.tensor.dtype() == y.tensor.dtype() && x.tensor.shape() == y.tensor.shape();
  });
}

}  // namespace

BatchRule batch_rule_for(std::span<const engine::ValueInfo> inputs, std::span<const engine::ValueInfo> outputs) {
  if (inputs.empty() || !inputs[0].known_shape || inputs[0].shape.empty()) return {};
  const std::int64_t rows = inputs[0].shape[0];
  const auto has_rows = [rows](const engine::ValueInfo& info) {
    return info.known_shape && !info.shape.empty() && info.shape[0] == rows;
  };
  const bool joins = std::ranges::all_of(
      inputs, [&](const engine::ValueInfo& info) { return has_rows(info) && bits_of(info.dtype) >= 8; });
  // An output of fixed size, or without axes, does not grow with a batch: the axis is time, or rows must not be joined.
  const auto may_have_rows = [rows](const engine::ValueInfo& info) {
    return !info.known_shape || (!info.shape.empty() && info.shape[0] == rows);
  };
  if (rows == -1) return joins && std::ranges::all_of(outputs, may_have_rows) ? BatchRule{kDefaultBatch} : BatchRule{};
  const bool is_batch = rows > 1 && rows <= kMaxExactBatch && std::ranges::all_of(outputs, has_rows);
  return joins && is_batch ? BatchRule{static_cast<int>(rows), true} : BatchRule{};
}

int batch_size_within(std::size_t bytes_a_sample, int largest) {
  const std::size_t fitting = kMaxBatchBytes / std::max<std::size_t>(bytes_a_sample, 1);
  return static_cast<int>(std::clamp<std::size_t>(fitting, 1, static_cast<std::size_t>(std::max(largest, 1))));
}

Result<Batch> sample_of(const Batch& batch, std::size_t index) {
  if (batch.samples == 1) return batch;
  Batch one;
  one.samples = 1;
  one.rows = 1;
  one.labels.push_back(batch.labels[index]);
  one.origins.push_back(batch.origins[index]);
  for (const NamedTensor& input : batch.inputs) {
    ASSIGN_OR_RETURN(Tensor row, slice_rows(input.tensor, static_cast<std::int64_t>(index), 1));
    one.inputs.push_back({input.name, std::move(row)});
  }
  if (batch.is_exact) RETURN_IF_ERROR(pad(one, batch.rows));
  one.is_exact = batch.is_exact;
  return one;
}

void SampleBatcher::skip(const std::string& reason) {
  ++skipped_;
  if (reasons_.size() < kMaxKeptReasons) reasons_.push_back(reason);
}

Result<std::optional<Batch>> SampleBatcher::next() {
  std::vector<Sample> samples;
  if (held_) {
    samples.push_back(std::move(*held_));
    held_.reset();
  }
  const auto takes_more = [&] {
    if (max_samples_ != 0 && samples_ >= max_samples_) return false;
    return samples.empty() || (!samples[0].whole && static_cast<int>(samples.size()) < rule_.largest);
  };
  while (takes_more()) {
    Result<std::optional<Sample>> sample = source_.next();
    if (!sample) {
      skip(sample.error().message);
      // A source that goes on failing past its end would never let go.
      if (skipped_ > source_.size()) return std::move(sample).error();
      continue;
    }
    if (!sample->has_value()) break;
    ++samples_;
    if (!samples.empty() && ((*sample)->whole || !same_shapes(samples[0], **sample))) {
      held_ = std::move(**sample);
      break;
    }
    samples.push_back(std::move(**sample));
  }
  if (samples.empty()) return std::optional<Batch>();
  const bool is_exact = rule_.exact && !samples[0].whole;
  ASSIGN_OR_RETURN(Batch batch, join(std::move(samples)));
  batch.is_exact = is_exact;
  if (is_exact) RETURN_IF_ERROR(pad(batch, static_cast<std::size_t>(rule_.largest)));
  return std::optional<Batch>(std::move(batch));
}

}  // namespace arete::proof
