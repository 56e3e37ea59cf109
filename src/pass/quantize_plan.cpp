#include "pass/quantize_plan.h"

#include <algorithm>
#include <array>
#include <optional>

#include "pass/quantize.h"

namespace arete::pass {
namespace {

using graph::Node;
using graph::Uses;

struct RoleRow {
  std::string_view op;
  QuantizeRole role;
};

// Operators for which ONNX Runtime has integer kernels or drops the pair around them.
constexpr auto kRoles = std::to_array<RoleRow>({
    {"Conv", QuantizeRole::kWeighted},
    {"Gemm", QuantizeRole::kWeighted},
    {"MatMul", QuantizeRole::kWeighted},
    {"Add", QuantizeRole::kElementwise},
    {"Mul", QuantizeRole::kElementwise},
    {"AveragePool", QuantizeRole::kElementwise},
    {"GlobalAveragePool", QuantizeRole::kElementwise},
    {"Concat", QuantizeRole::kElementwise},
    {"MaxPool", QuantizeRole::kPassThrough},
    {"Reshape", QuantizeRole::kPassThrough},
    {"Flatten", QuantizeRole::kPassThrough},
    {"Transpose", QuantizeRole::kPassThrough},
    {"Squeeze", QuantizeRole::kPassThrough},
    {"Unsqueeze", QuantizeRole::kPassThrough},
});

std::optional<QuantizeRole> role_of(const Node& node) {
  if (!node.domain.empty()) return std::nullopt;
  const auto* found = std::ranges::find(kRoles, node.op_type, &RoleRow::op);
  return found == kRoles.end() ? std::nullopt : std::optional(found->role);
}

// Relu, or a Clip with constant bounds: the engine merges it with the QuantizeLinear behind it.
bool is_merged_activation(const Node& node, const Uses& uses) {
  if (node.is("Relu")) return true;
  if (!node.is("Clip")) return false;
  return std::ranges::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](const std::string& input) {
    return input.empty() || uses.constant(input) != nullptr;
  });
}

class Planner {
 public:
  Planner(const graph::Graph& graph, const Uses& uses) : graph_(graph), uses_(uses) {
    for (const graph::Value& input : graph.inputs) inputs_.insert(input.name);
  }

  QuantizePlan plan() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const std::optional<QuantizeRole> role = role_of(node);
      if (!role) continue;
      if (*role == QuantizeRole::kWeighted && has_constant_weights(node, uses_)) add_weighted(i);
      if (*role != QuantizeRole::kWeighted) add_follower(i, *role);
    }
    drop_useless_results();
    return std::move(plan_);
  }

 private:
  // The tensor to quantise behind a node: its own result, or that of the activation merged with it.
  std::string result_of(std::size_t index) const {
    const std::string& output = graph_.nodes[index].outputs[0];
    if (!uses_.single_reader(output)) return output;
    const Node& reader = graph_.nodes[uses_.readers(output)[0]];
    return is_merged_activation(reader, uses_) ? reader.outputs[0] : output;
  }

  void add_tensor(const std::string& tensor, const std::string& source) {
    if (plan_.source.emplace(tensor, source).second) plan_.tensors.push_back(tensor);
  }

  std::string source_of(const std::string& tensor) const {
    const auto found = plan_.source.find(tensor);
    return found == plan_.source.end() ? tensor : found->second;
  }

  void add_weighted(std::size_t index) {
    const std::string& activation = graph_.nodes[index].inputs[0];
    add_tensor(activation, source_of(activation));
    plan_.weighted.insert(index);
    plan_.integer_nodes.insert(index);
    const std::string result = result_of(index);
    add_tensor(result, result);
  }

  void add_follower(std::size_t index, QuantizeRole role) {
    const Node& node = graph_.nodes[index];
    const bool first_only = role == QuantizeRole::kPassThrough || node.inputs.size() == 1;
    const std::size_t activations = first_only ? 1 : node.inputs.size();
    for (std::size_t i = 0; i < activations; ++i) {
      // Inputs of the model are int8 only behind a pair, which costs more than these operators save.
      if (!plan_.source.contains(node.inputs[i]) || inputs_.contains(node.inputs[i])) return;
    }
    if (node.outputs.size() != 1) return;  // MaxPool with indices
    plan_.integer_nodes.insert(index);
    const std::string result = role == QuantizeRole::kPassThrough ? node.outputs[0] : result_of(index);
    add_tensor(result, role == QuantizeRole::kPassThrough ? source_of(node.inputs[0]) : result);
  }

  // A Gemm or MatMul can hand out float directly: where no integer node reads its result, a pair
  // behind it would only cost accuracy.
  void drop_useless_results() {
    std::erase_if(plan_.tensors, [&](const std::string& tensor) {
      const Node* maker = uses_.maker(tensor);
      if (maker == nullptr || !(maker->is("Gemm") || maker->is("MatMul"))) return false;
      const auto readers = uses_.readers(tensor);
      const bool useful =
          std::ranges::any_of(readers, [&](std::size_t reader) { return plan_.integer_nodes.contains(reader); });
      if (!useful) plan_.source.erase(tensor);
      return !useful;
    });
  }

  const graph::Graph& graph_;
  const Uses& uses_;
  std::set<std::string, std::less<>> inputs_;
  QuantizePlan plan_;
};

}  // namespace

bool has_constant_weights(const Node& node, const Uses& uses) {
  if (node.inputs.size() < 2 || node.inputs[0].empty() || uses.constant(node.inputs[0]) != nullptr) return false;
  const Tensor* weight = uses.constant(node.inputs[1]);
  if (weight == nullptr || weight->dtype() != DType::kFloat32 || weight->size() == 0) return false;
  if (node.is("Conv") ? weight->shape().size() < 3 : weight->shape().size() != 2) return false;
  if (node.is("Gemm") && node.int_or("transA", 0) != 0) return false;
  if (node.inputs.size() < 3 || node.inputs[2].empty()) return true;
  const Tensor* bias = uses.constant(node.inputs[2]);
  if (bias == nullptr || bias->dtype() != DType::kFloat32) return false;
  const std::optional<std::size_t> axis = channel_axis(node, *weight);
  return axis && bias->size() == weight->shape()[*axis] &&
         bias->size() == (bias->shape().empty() ? 1 : bias->shape().back());
}

std::optional<std::size_t> channel_axis(const Node& node, const Tensor& weight) {
  if (node.is("Conv")) return 0;
  if (node.is("ConvTranspose")) return std::nullopt;  // channels of groups lie apart
  if (node.is("Gemm")) return node.int_or("transB", 0) != 0 ? 0 : 1;
  if (weight.shape().size() < 2) return std::nullopt;
  return weight.shape().size() - 1;  // MatMul: columns
}

QuantizePlan plan_static(const graph::Model& model, const Uses& uses) { return Planner(model.graph, uses).plan(); }

Error nothing_to_quantise(const graph::Graph& graph, const std::string& what) {
  const bool has_subgraphs =
      std::ranges::any_of(graph.nodes, [](const graph::Node& node) { return !graph::subgraphs_of(node).empty(); });
  return {Code::kUnsupported, "nothing to quantise: the model has no " + what +
                                  (has_subgraphs ? " outside of its If, Loop and Scan, whose insides stay float" : "")};
}

std::vector<std::string> tensors_to_observe(const graph::Model& model) {
  const Uses uses(model.graph);
  const QuantizePlan plan = plan_static(model, uses);
  if (plan.weighted.empty()) return {};
  std::vector<std::string> sources;
  std::set<std::string> seen;
  for (const std::string& tensor : plan.tensors) {
    const std::string& source = plan.source.at(tensor);
    if (seen.insert(source).second) sources.push_back(source);
  }
  return sources;
}

}  // namespace arete::pass
