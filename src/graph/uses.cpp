#include "graph/uses.h"

#include <cstdint>
#include <unordered_set>
#include <utility>

namespace arete::graph {
namespace {

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

Uses::Uses(const Graph& graph) : graph_(graph), names_(graph.nodes.size() + graph.weights.size()) {
  std::vector<std::pair<std::uint32_t, std::size_t>> reads;  // tensor, node
  std::vector<std::pair<std::uint32_t, std::size_t>> made;
  std::vector<std::uint32_t> pinned;
  for (const Weight& weight : graph.weights) names_.add(weight.name);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    for (const std::string& input : node.inputs) {
      if (!input.empty()) reads.emplace_back(names_.add(input), i);
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty()) made.emplace_back(names_.add(output), i);
    }
    for (const std::string_view name : captured_names(node)) pinned.push_back(names_.add(name));
  }
  for (const Value& output : graph.outputs) pinned.push_back(names_.add(output.name));

  makers_.assign(names_.size(), SIZE_MAX);
  for (const auto& [tensor, node] : made) makers_[tensor] = node;
  weights_.assign(names_.size(), nullptr);
  for (const Weight& weight : graph.weights) weights_[names_.find(weight.name)] = &weight.tensor;
  pinned_.assign(names_.size(), false);
  for (const std::uint32_t tensor : pinned) pinned_[tensor] = true;
  first_reader_.assign(names_.size() + 1, 0);
  for (const auto& [tensor, node] : reads) ++first_reader_[tensor + 1];
  for (std::size_t i = 1; i < first_reader_.size(); ++i) first_reader_[i] += first_reader_[i - 1];
  readers_.resize(reads.size());
  std::vector<std::size_t> next(first_reader_.begin(), first_reader_.end() - 1);
  for (const auto& [tensor, node] : reads) readers_[next[tensor]++] = node;
}

const Node* Uses::maker(std::string_view tensor) const {
  const std::size_t index = maker_index(tensor);
  return index == SIZE_MAX ? nullptr : &graph_.nodes[index];
}

std::size_t Uses::maker_index(std::string_view tensor) const {
  const std::uint32_t number = names_.find(tensor);
  return number == NameTable::kNone ? SIZE_MAX : makers_[number];
}

std::span<const std::size_t> Uses::readers(std::string_view tensor) const {
  const std::uint32_t number = names_.find(tensor);
  if (number == NameTable::kNone) return {};
  return std::span(readers_).subspan(first_reader_[number], first_reader_[number + 1] - first_reader_[number]);
}

const Tensor* Uses::constant(std::string_view tensor) const {
  const std::uint32_t number = names_.find(tensor);
  if (number == NameTable::kNone) return nullptr;
  if (weights_[number] != nullptr) return weights_[number];
  const Node* node = makers_[number] == SIZE_MAX ? nullptr : &graph_.nodes[makers_[number]];
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
