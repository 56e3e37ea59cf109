#include "tests/conformance/rewrites.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "graph/official.h"
#include "graph/verifier.h"
#include "pass/preset.h"
#include "pass/runner.h"

namespace arete::conformance {
namespace {

using graph::Model;
using graph::Node;

// A pass or a rewrite that had to be undone is an error here.
Status all_stand(std::span<const pass::PassReport> reports) {
  for (const pass::PassReport& report : reports) {
    if (!report.undone_because.empty()) return Error{Code::kBug, report.name + " was undone: " + report.undone_because};
    if (!report.dropped.empty()) return Error{Code::kBug, report.name + " left out " + report.dropped[0].node};
  }
  return {};
}

Result<Model> run_passes(const Model& model, std::span<const std::string_view> names, const Given& given) {
  Model changed = model;
  pass::RunOptions options;
  options.evaluate = given.evaluate;
  ASSIGN_OR_RETURN(const std::vector<pass::PassReport> reports, pass::run_passes(changed, names, options));
  RETURN_IF_ERROR(all_stand(reports));
  return changed;
}

Result<Model> run_preset(const Model& model, std::string_view name, const Given& given) {
  return run_passes(model, pass::find_preset(name)->passes, given);
}

Result<Model> saved(const Model& model, const Given&) { return model; }
Result<Model> with_shapes(const Model& model, const Given&) { return graph::infer_shapes(model); }
Result<Model> newest_opset(const Model& model, const Given&) { return graph::convert_opset(model, kEngineOpset); }
Result<Model> fast(const Model& model, const Given& given) { return run_preset(model, "fast", given); }
Result<Model> balanced(const Model& model, const Given& given) { return run_preset(model, "balanced", given); }
Result<Model> aggressive(const Model& model, const Given& given) { return run_preset(model, "aggressive", given); }

// All passes that call themselves exact, not only those of the preset.
Result<Model> exact_passes(const Model& model, const Given& given) {
  std::vector<std::string_view> names;
  for (const pass::PassRow& row : pass::all_passes()) {
    if (row.exact) names.push_back(row.name);
  }
  return run_passes(model, names, given);
}

// All that was added must be gone again.
Result<Model> nops_then_fast(const Model& model, const Given& given) {
  ASSIGN_OR_RETURN(const Model without, fast(model, given));
  ASSIGN_OR_RETURN(const Model nops, add_nops(model));
  ASSIGN_OR_RETURN(Model with, fast(nops, given));
  if (with.graph.nodes.size() == without.graph.nodes.size() &&
      with.graph.weights.size() == without.graph.weights.size()) {
    return with;
  }
  return Error{Code::kBug, std::to_string(with.graph.nodes.size()) + " nodes are left of " +
                               std::to_string(nops.graph.nodes.size()) + ", " +
                               std::to_string(without.graph.nodes.size()) + " without what was added"};
}

Result<Model> constants(const Model& model, const Given& given) {
  constexpr std::array<std::string_view, 1> kFold = {"fold_constants"};
  return run_passes(make_constant(model, given.inputs), kFold, given);
}

constexpr std::array<RewriteRow, 9> kRewrites = {{
    {"saved", Likeness::kBits, Likeness::kBits, false, saved},
    {"fast", Likeness::kBits, Likeness::kBits, false, fast},
    {"exact passes", Likeness::kBits, Likeness::kBits, false, exact_passes},
    {"nops added, fast", Likeness::kBits, Likeness::kBits, false, nops_then_fast},
    {"as constants, folded", Likeness::kBits, Likeness::kClose, true, constants},
    {"shapes inferred", Likeness::kBits, Likeness::kBits, false, with_shapes},
    {"balanced", Likeness::kClose, Likeness::kClose, false, balanced},
    {"aggressive", Likeness::kClose, Likeness::kClose, false, aggressive},
    {"newest opset", Likeness::kClose, Likeness::kClose, true, newest_opset},
}};

void replace_inputs(std::vector<Node>& nodes, const std::string& from, const std::string& to) {
  for (Node& node : nodes) std::ranges::replace(node.inputs, from, to);
}

Node node_of(std::string op, std::vector<std::string> inputs, std::string output) {
  Node node;
  node.op_type = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  return node;
}

Node nop(std::string from, std::string to, const graph::ValueType& type, bool transpose) {
  Node node = node_of("Identity", {std::move(from)}, std::move(to));
  if (!transpose || !type.is_tensor() || !type.has_shape || type.dims.empty()) return node;
  std::vector<std::int64_t> order(type.dims.size());
  std::iota(order.begin(), order.end(), 0);
  node.op_type = "Transpose";
  node.set("perm", std::move(order));
  return node;
}

// Values that keep what they scale and shift away from zero, so that rounding stays small beside them.
Tensor ramp(const Shape& shape, float start) {
  Tensor tensor = *Tensor::zeros(DType::kFloat32, shape);
  for (float& value : tensor.mutable_data<float>()) value = start += 0.125F;
  return tensor;
}

void freeze_input(graph::Graph& graph, const std::string& name, std::span<const NamedTensor> inputs) {
  const auto tensor = std::ranges::find(inputs, name, &NamedTensor::name);
  if (tensor == inputs.end() || graph.find_weight(name) != nullptr) return;
  graph.weights.push_back({name, tensor->tensor, ""});
  std::erase_if(graph.inputs, [&](const graph::Value& input) { return input.name == name; });
}

void add_before_outputs(graph::Graph& graph, graph::NameMaker& names, bool transpose, std::vector<Node>& added) {
  for (const graph::Value& output : graph.outputs) {
    for (Node& node : graph.nodes) {
      const auto place = std::ranges::find(node.outputs, output.name);
      if (place == node.outputs.end()) continue;
      *place = names.make(output.name + "_out");
      added.push_back(nop(*place, output.name, output.type, transpose));
    }
  }
}

}  // namespace

std::span<const RewriteRow> all_rewrites() { return kRewrites; }

Result<Model> add_nops(const Model& model) {
  Model made = model;
  if (made.opset() == 0) made.set_opset("", kEngineOpset);
  graph::NameMaker names(made.graph);
  std::vector<Node> added;
  for (const graph::Value& input : made.graph.inputs) {
    const std::string inner = names.make(input.name + "_in");
    replace_inputs(made.graph.nodes, input.name, inner);
    added.push_back(nop(input.name, inner, input.type, false));
    added.push_back(nop(inner, names.make("unread"), input.type, false));
  }
  add_before_outputs(made.graph, names, true, added);
  made.graph.weights.push_back({names.make("unread_weight"), Tensor::scalar<float>(1), ""});
  std::ranges::move(added, std::back_inserter(made.graph.nodes));
  RETURN_IF_ERROR(graph::sort_nodes(made.graph));
  RETURN_IF_ERROR(graph::verify(made));
  return made;
}

Model make_constant(const Model& model, std::span<const NamedTensor> inputs) {
  Model made = model;
  if (made.opset() == 0) made.set_opset("", kEngineOpset);
  for (const NamedTensor& input : inputs) freeze_input(made.graph, input.name, inputs);
  graph::NameMaker names(made.graph);
  std::vector<Node> added;
  add_before_outputs(made.graph, names, false, added);
  std::ranges::move(added, std::back_inserter(made.graph.nodes));
  return made;
}

std::optional<Model> make_fusable(const Model& model, std::span<const NamedTensor> inputs) {
  Model made = model;
  graph::Graph& graph = made.graph;
  if (graph.nodes.size() != 1 || !graph.nodes[0].is("Conv") || graph.outputs.size() != 1) return std::nullopt;
  const std::vector<std::string> reads = graph.nodes[0].inputs;
  for (std::size_t i = 1; i < reads.size(); ++i) freeze_input(graph, reads[i], inputs);
  const graph::Weight* const kernel = graph.find_weight(reads[1]);
  if (kernel == nullptr || kernel->tensor.dtype() != DType::kFloat32) return std::nullopt;
  const std::int64_t channels = kernel->tensor.shape()[0];
  Shape constant(kernel->tensor.shape().size(), 1);
  constant[1] = channels;
  graph.nodes[0].outputs = {"conv_out"};
  graph.nodes.push_back(node_of("BatchNormalization", {"conv_out", "scale", "shift", "mean", "var"}, "bn_out"));
  graph.nodes.push_back(node_of("Add", {"bn_out", "constant"}, graph.outputs[0].name));
  graph.weights.push_back({"scale", ramp({channels}, 0.5F), ""});
  graph.weights.push_back({"shift", ramp({channels}, 0.25F), ""});
  graph.weights.push_back({"mean", ramp({channels}, -0.5F), ""});
  graph.weights.push_back({"var", ramp({channels}, 1.0F), ""});
  graph.weights.push_back({"constant", ramp(constant, 3.0F), ""});
  return made;
}

}  // namespace arete::conformance
