#include "optimize/golden_answers.h"

#include <algorithm>
#include <optional>

#include "proof/golden_difference.h"
#include "proof/output_difference.h"

namespace arete::optimize {
namespace {

bool same_shapes(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  return std::ranges::equal(
      a, b, [](const NamedTensor& x, const NamedTensor& y) { return x.tensor.shape() == y.tensor.shape(); });
}

bool same_shapes(const std::vector<NamedTensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, [](const NamedTensor& x, const Tensor& y) { return x.tensor.shape() == y.shape(); });
}

}  // namespace

Result<proof::Golden> golden_answers(SampleSource& samples, const proof::BatchRule& rule, engine::Session& original,
                                     engine::Session& chosen) {
  RETURN_IF_ERROR(samples.rewind());
  proof::SampleBatcher batcher(samples, rule.exact ? rule : proof::BatchRule{});
  proof::Golden golden;
  golden.tolerances.assign(original.outputs().size(), proof::kLeastTolerance);
  while (golden.samples.size() < proof::kGoldenSamples) {
    ASSIGN_OR_RETURN(const std::optional<proof::Batch> batch, batcher.next());
    if (!batch) break;
    Result<std::vector<Tensor>> wanted = original.run(batch->inputs);
    Result<std::vector<Tensor>> given = chosen.run(batch->inputs);
    if (!wanted || !given) continue;  // the report says which samples a model cannot run
    if (!golden.samples.empty() && (!same_shapes(golden.samples.front().inputs, batch->inputs) ||
                                    !same_shapes(golden.samples.front().outputs, *wanted)))
      continue;
    proof::GoldenSample& sample = golden.samples.emplace_back();
    sample.inputs = batch->inputs;
    for (std::size_t i = 0; i < wanted->size(); ++i) {
      if (proof::is_float_dtype((*wanted)[i].dtype())) {
        ASSIGN_OR_RETURN(const double off, proof::relative_difference((*wanted)[i], given->at(i)));
        golden.tolerances[i] = std::max(golden.tolerances[i], proof::tolerance_for(off, (*wanted)[i].dtype()));
      }
      sample.outputs.push_back({original.outputs()[i].name, std::move((*wanted)[i])});
    }
  }
  if (golden.samples.empty()) return Error{Code::kNotFound, "no sample runs on both models"};
  return golden;
}

}  // namespace arete::optimize
