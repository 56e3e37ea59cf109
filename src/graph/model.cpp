#include "graph/model.h"

#include <algorithm>
#include <array>

namespace arete::graph {

Shape ValueType::shape() const {
  Shape shape;
  for (const Dim& dim : dims) shape.push_back(dim.known() ? dim.size : -1);
  return shape;
}

const Attribute* Node::find(std::string_view attribute) const {
  const auto found = std::ranges::find(attributes, attribute, &Attribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

namespace {

template <class T, class Fallback>
T value_or(const Node& node, std::string_view name, Fallback fallback) {
  const Attribute* attribute = node.find(name);
  if (attribute == nullptr) return T(std::move(fallback));
  const T* value = std::get_if<T>(&attribute->value);
  return value == nullptr ? T(std::move(fallback)) : *value;
}

void take_names(const Graph& graph, std::unordered_map<std::string, int>& taken) {
  for (const Value& value : graph.inputs) taken.emplace(value.name, 0);
  for (const Value& value : graph.outputs) taken.emplace(value.name, 0);
  for (const Weight& weight : graph.weights) taken.emplace(weight.name, 0);
  for (const std::string& weight : graph.sparse_weights) taken.emplace(weight, 0);
  for (const Node& node : graph.nodes) {
    if (!node.name.empty()) taken.emplace(node.name, 0);
    for (const std::string& output : node.outputs) taken.emplace(output, 0);
    // Depth is bounded by the reader (kMaxSubgraphDepth).
    for (const Graph* sub : subgraphs_of(node)) take_names(*sub, taken);
  }
}

}  // namespace

std::int64_t Node::int_or(std::string_view attribute, std::int64_t fallback) const {
  return value_or<std::int64_t>(*this, attribute, fallback);
}

float Node::float_or(std::string_view attribute, float fallback) const {
  return value_or<float>(*this, attribute, fallback);
}

std::string Node::string_or(std::string_view attribute, std::string_view fallback) const {
  return value_or<std::string>(*this, attribute, fallback);
}

std::vector<std::int64_t> Node::ints_or(std::string_view attribute, std::vector<std::int64_t> fallback) const {
  return value_or<std::vector<std::int64_t>>(*this, attribute, std::move(fallback));
}

void Node::set(std::string_view attribute, AttributeValue value) {
  const auto found = std::ranges::find(attributes, attribute, &Attribute::name);
  if (found != attributes.end()) {
    found->value = std::move(value);
  } else {
    attributes.push_back({std::string(attribute), std::move(value), "", ""});
  }
}

AttributeType Attribute::type() const {
  if (const auto* opaque = std::get_if<OpaqueAttribute>(&value)) return opaque->type;
  return static_cast<AttributeType>(value.index());  // the variant stands in ONNX's order
}

std::string_view name_of(AttributeType type) {
  constexpr std::array<std::string_view, 15> kNames = {"nothing",
                                                       "a float",
                                                       "an integer",
                                                       "a string",
                                                       "a tensor",
                                                       "a graph",
                                                       "a list of floats",
                                                       "a list of integers",
                                                       "a list of strings",
                                                       "a list of tensors",
                                                       "a list of graphs",
                                                       "a sparse tensor",
                                                       "a list of sparse tensors",
                                                       "a type",
                                                       "a list of types"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::vector<const Graph*> subgraphs_of(const Node& node) {
  std::vector<const Graph*> graphs;
  for (const Attribute& attribute : node.attributes) {
    if (const auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) graphs.push_back(one->get());
    if (const auto* many = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value)) {
      for (const auto& graph : *many) graphs.push_back(graph.get());
    }
  }
  return graphs;
}

Weight* Graph::find_weight(std::string_view weight) {
  const auto found = std::ranges::find(weights, weight, &Weight::name);
  return found == weights.end() ? nullptr : &*found;
}

const Weight* Graph::find_weight(std::string_view weight) const {
  return const_cast<Graph*>(this)->find_weight(weight);
}

std::int64_t Model::opset(std::string_view domain) const {
  const auto found = std::ranges::find(opsets, domain, &OpsetImport::domain);
  return found == opsets.end() ? 0 : found->version;
}

void Model::set_opset(std::string_view domain, std::int64_t version) {
  const auto found = std::ranges::find(opsets, domain, &OpsetImport::domain);
  if (found != opsets.end()) {
    found->version = version;
  } else {
    opsets.push_back({std::string(domain), version});
  }
}

std::string describe(const Node& node, std::size_t index) {
  std::string text = (node.domain.empty() ? "" : node.domain + ".") + node.op_type;
  if (!node.name.empty()) text += " '" + node.name + "'";
  return text + " (node " + std::to_string(index) + ")";
}

std::string to_string(const ValueType& type) {
  if (type.kind == TypeKind::kUnknown) return "?";
  if (type.kind == TypeKind::kOpaque) return "opaque";
  std::string text(name_of(type.dtype));
  if (!type.has_shape) return text + "[...]";
  text += "[";
  for (std::size_t i = 0; i < type.dims.size(); ++i) {
    const Dim& dim = type.dims[i];
    text += i > 0 ? "," : "";
    text += dim.known() ? std::to_string(dim.size) : dim.name.empty() ? "?" : dim.name;
  }
  return text + "]";
}

NameMaker::NameMaker(const Graph& graph) { take_names(graph, taken_); }

std::string NameMaker::make(std::string wish) {
  const auto [entry, fresh] = taken_.emplace(wish, 0);
  if (fresh) return wish;
  int& count = entry->second;  // stays where it is when the table grows, as the iterator does not
  while (true) {
    std::string name = wish + "_" + std::to_string(++count);
    if (taken_.emplace(name, 0).second) return name;
  }
}

}  // namespace arete::graph
