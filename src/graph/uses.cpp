#include "graph/uses.h"

#include <cstdint>

namespace arete::graph {
namespace {

const std::vector<std::size_t> kNobody;

// Depth is bounded by the reader (kMaxSubgraphDepth).
void collect_captures(const Graph& graph, std::vector<std::string_view>& captured) {
  std::unordered_set<std::string_view> made;
  for (const Value& input : graph.inputs) made.insert(input.name);
  for (const Weight& weight : graph.weights) made.insert(weight.name);
  made.insert(graph.sparse_weights.begin(), graph.sparse_weights.end());
  const auto read = [&](std::string_view name) {
    if (!name.empty() && !made.contains(name)) captured.push_back(name);
  };
  std::vector<std::string_view> inner;
  for (const Node& node : graph.nodes) {
    for (const std::string& input : node.inputs) read(input);
    inner.clear();
    for (const Graph* sub : subgraphs_of(node)) collect_captures(*sub, inner);
    for (const std::string_view name : inner) read(name);
    made.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const Value& output : graph.outputs) read(output.name);
}

}  // namespace

std::vector<std::string_view> captured_names(const Node& node) {
  std::vector<std::string_view> captured;
  for (const Graph* sub : subgraphs_of(node)) collect_captures(*sub, captured);
  return captured;
}

Uses::Uses(const Graph& graph) : graph_(graph) {
  for (const Weight& weight : graph.weights) weights_[weight.name] = &weight.tensor;
  for (const Value& output : graph.outputs) pinned_.insert(output.name);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const std::string& output : node.outputs) {
      if (!output.empty()) makers_[output] = i;
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty()) readers_[input].push_back(i);
    }
    for (const std::string_view name : captured_names(node)) pinned_.insert(name);
  }
}

const Node* Uses::maker(std::string_view tensor) const {
  const std::size_t index = maker_index(tensor);
  return index == SIZE_MAX ? nullptr : &graph_.nodes[index];
}

std::size_t Uses::maker_index(std::string_view tensor) const {
  const auto found = makers_.find(tensor);
  return found == makers_.end() ? SIZE_MAX : found->second;
}

const std::vector<std::size_t>& Uses::readers(std::string_view tensor) const {
  const auto found = readers_.find(tensor);
  return found == readers_.end() ? kNobody : found->second;
}

const Tensor* Uses::constant(std::string_view tensor) const {
  if (const auto found = weights_.find(tensor); found != weights_.end()) return found->second;
  const Node* node = maker(tensor);
  if (node == nullptr || !node->is("Constant")) return nullptr;
  const Attribute* value = node->find("value");
  return value == nullptr ? nullptr : std::get_if<Tensor>(&value->value);
}

std::unordered_map<std::string_view, const ValueType*> types_of(const Graph& graph) {
  std::unordered_map<std::string_view, const ValueType*> types;
  for (const auto* values : {&graph.values, &graph.inputs, &graph.outputs}) {
    for (const Value& value : *values) {
      if (value.type.kind != TypeKind::kUnknown) types[value.name] = &value.type;
    }
  }
  return types;
}

}  // namespace arete::graph
