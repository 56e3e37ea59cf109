#include "optimize/pass_engine.h"

#include <optional>

#include "graph/onnx_io.h"
#include "proof/random_inputs.h"
#include "proof/sample_batch.h"

namespace arete::optimize {
namespace {

Result<std::unique_ptr<engine::Session>> open_as_it_stands(engine::Engine& engine, const graph::Model& model) {
  ASSIGN_OR_RETURN(graph::WrittenModel written, graph::write_onnx(model));
  engine::SessionOptions options;
  options.threads = 1;  // one order of sums
  options.optimise = false;
  return engine.open(engine::ModelSource::from_bytes(std::move(written.bytes), "graph"), options);
}

Result<std::vector<std::vector<Tensor>>> outputs_of(engine::Engine& engine, const graph::Model& model,
                                                    const std::vector<std::vector<NamedTensor>>& inputs) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> session, open_as_it_stands(engine, model));
  std::vector<std::vector<Tensor>> outputs;
  for (const std::vector<NamedTensor>& given : inputs) {
    ASSIGN_OR_RETURN(std::vector<Tensor> made, session->run(given));
    outputs.push_back(std::move(made));
  }
  return outputs;
}

}  // namespace

pass::Evaluate make_evaluator(engine::Engine& engine) {
  return [&engine](const graph::Model& constant) -> Result<std::vector<Tensor>> {
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> session, open_as_it_stands(engine, constant));
    return session->run({});
  };
}

Result<PassCheck> PassCheck::make(engine::Engine& engine, const graph::Model& model, SampleSource* samples) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> session, open_as_it_stands(engine, model));
  PassCheck check(engine);
  const Status random = check.add_random(*session);
  if (samples != nullptr) RETURN_IF_ERROR(check.add_samples(*session, *samples));
  if (check.inputs_.empty()) {
    return Error{Code::kInvalid, "the model runs on none of the inputs" +
                                     (random ? std::string() : " (" + random.error().message + ")") +
                                     "; give real ones with --calibration DATA.npz"};
  }
  return check;
}

// The reason why the last of them does not fit.
Status PassCheck::add_random(engine::Session& session) {
  Status last;
  for (int seed = 1; seed <= kRandomChecks; ++seed) {
    Result<std::vector<NamedTensor>> inputs =
        proof::random_inputs(session.inputs(), static_cast<std::uint64_t>(seed), seed == 1 ? 1 : 2);
    if (!inputs) return inputs.error();
    const auto outputs = session.run(*inputs);
    if (outputs)
      inputs_.push_back(std::move(*inputs));
    else
      last = outputs.error();
  }
  return last;
}

Status PassCheck::add_samples(engine::Session& session, SampleSource& samples) {
  RETURN_IF_ERROR(samples.rewind());
  proof::BatchRule rule = proof::batch_rule_for(session.inputs(), session.outputs());
  if (!rule.exact) rule.largest = 1;
  proof::SampleBatcher batcher(samples, rule, kSampleChecks);
  while (true) {
    ASSIGN_OR_RETURN(std::optional<proof::Batch> batch, batcher.next());
    if (!batch) break;
    if (session.run(batch->inputs)) inputs_.push_back(std::move(batch->inputs));
  }
  return samples.rewind();
}

Status PassCheck::compare(const pass::PassRow& pass, const graph::Model& before, const graph::Model& after) {
  if (pass_ != pass.name) {
    ASSIGN_OR_RETURN(originals_, outputs_of(*engine_, before, inputs_));
    pass_ = pass.name;
  }
  ASSIGN_OR_RETURN(const auto outputs, outputs_of(*engine_, after, inputs_));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (std::size_t j = 0; j < outputs[i].size(); ++j) {
      RETURN_IF_ERROR(proof::check_match(before.graph.outputs[j].name, originals_[i][j], outputs[i][j],
                                         pass.exact ? proof::Tolerance{} : kPassTolerance));
    }
  }
  return {};
}

}  // namespace arete::optimize
