#include "graph/uses.h"

#include <cstdint>

namespace arete::graph {
namespace {

const std::vector<std::size_t> kNobody;

}  // namespace

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
    pin_captures(node);
  }
}

void Uses::pin_captures(const Node& node) {
  const auto pin = [&](const Graph& sub) {
    for (const Node& inner : sub.nodes) {
      pinned_.insert(inner.inputs.begin(), inner.inputs.end());
      pin_captures(inner);
    }
    for (const Value& output : sub.outputs) pinned_.insert(output.name);
  };
  for (const Attribute& attribute : node.attributes) {
    if (const auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) pin(**one);
    if (const auto* many = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value)) {
      for (const auto& sub : *many) pin(*sub);
    }
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
