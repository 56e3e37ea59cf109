// FakeSession: a model made of a lambda. Threads: those of the lambda.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/engine.h"

namespace arete::test {

class FakeSession final : public engine::Session {
 public:
  using Run = std::function<Result<std::vector<Tensor>>(std::span<const NamedTensor>)>;
  FakeSession(std::vector<engine::ValueInfo> inputs, std::vector<engine::ValueInfo> outputs, Run run,
              bool concurrent = true)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)), run_(std::move(run)), concurrent_(concurrent) {}

  const std::vector<engine::ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<engine::ValueInfo>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) override {
    RETURN_IF_ERROR(engine::check_inputs(inputs_, inputs));
    return run_(inputs);
  }
  bool concurrent() const override { return concurrent_; }

 private:
  std::vector<engine::ValueInfo> inputs_;
  std::vector<engine::ValueInfo> outputs_;
  Run run_;
  bool concurrent_;
};

}  // namespace arete::test
