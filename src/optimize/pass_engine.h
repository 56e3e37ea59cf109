// What graph passes are lent of an engine: values of constants, and the comparison of a model before and
// after a pass.
// Threads: call from one. Ownership: borrows the engine.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "graph/model.h"
#include "pass/pass.h"
#include "proof/output_match.h"

namespace arete::optimize {

// Runs a model without inputs, as it stands: the engine's own rewrites are off. Its errors are the engine's.
pass::Evaluate make_evaluator(engine::Engine& engine);

// What a pass that does arithmetic may move an output by. Passes that do none must leave every bit.
inline constexpr proof::Tolerance kPassTolerance = {1e-3, 1e-5, 1e-7};
inline constexpr int kRandomChecks = 3;
inline constexpr int kSampleChecks = 8;

// Compares models on the same inputs: random ones, and the first samples of a source. The engine's own rewrites
// are off, so that both models run the same kernels where their nodes are the same.
class PassCheck {
 public:
  // Keeps of the inputs those that the model runs on; kInvalid when it runs on none, with the reason.
  static Result<PassCheck> make(engine::Engine& engine, const graph::Model& model, SampleSource* samples);

  // For pass::RunOptions::accept.
  Status compare(const pass::PassRow& pass, const graph::Model& before, const graph::Model& after);

  std::size_t inputs() const { return inputs_.size(); }

 private:
  explicit PassCheck(engine::Engine& engine) : engine_(&engine) {}
  Status add_random(engine::Session& session);
  Status add_samples(engine::Session& session, SampleSource& samples);

  engine::Engine* engine_;
  std::vector<std::vector<NamedTensor>> inputs_;
  std::string pass_;                            // whose `before` is known
  std::vector<std::vector<Tensor>> originals_;  // its outputs, for each of the inputs
};

}  // namespace arete::optimize
