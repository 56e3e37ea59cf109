// Fakes of the proof tests: a clock moved by hand, sessions that compute by a function, sources.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/sample_source.h"
#include "engine/engine.h"
#include "os/base/machine.h"

namespace arete::proof {

class FakeClock final : public os::Clock {
 public:
  std::int64_t now_ns() const override { return now_ns_; }
  void advance(std::int64_t ns) { now_ns_ += ns; }

 private:
  std::int64_t now_ns_ = 1'000'000'000;
};

using Compute = std::function<Result<std::vector<Tensor>>(std::span<const NamedTensor>)>;

// Inputs and outputs as given; counts its runs and the largest batch.
class FakeSession final : public engine::Session {
 public:
  FakeSession(std::vector<engine::ValueInfo> inputs, std::vector<engine::ValueInfo> outputs, Compute compute)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)), compute_(std::move(compute)) {}
  const std::vector<engine::ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<engine::ValueInfo>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) override {
    ++runs;
    RETURN_IF_ERROR(engine::check_inputs(inputs_, inputs));
    const Shape& shape = inputs[0].tensor.shape();
    if (!shape.empty()) largest_batch = std::max(largest_batch, shape[0]);
    return compute_(inputs);
  }

  int runs = 0;
  std::int64_t largest_batch = 0;

 private:
  std::vector<engine::ValueInfo> inputs_;
  std::vector<engine::ValueInfo> outputs_;
  Compute compute_;
};

// Samples or errors in order.
class FakeSource final : public SampleSource {
 public:
  using Row = std::variant<Sample, Error>;
  explicit FakeSource(std::vector<Row> rows) : rows_(std::move(rows)) {}
  Result<std::optional<Sample>> next() override {
    if (at_ == rows_.size()) return std::optional<Sample>();
    const Row& row = rows_[at_++];
    if (const auto* error = std::get_if<Error>(&row)) return *error;
    return std::optional<Sample>(std::get<Sample>(row));
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }
  std::size_t size() const override { return rows_.size(); }
  bool has_labels() const override { return true; }

 private:
  std::vector<Row> rows_;
  std::size_t at_ = 0;
};

}  // namespace arete::proof
