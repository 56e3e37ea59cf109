// Small graphs for tests, written in a few words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph/model.h"

namespace arete::test {

inline graph::ValueType float_type(const std::vector<std::int64_t>& shape) {
  graph::ValueType type{graph::TypeKind::kTensor, DType::kFloat32, true, {}, ""};
  for (const std::int64_t size : shape) type.dims.push_back({size, size < 0 ? "N" : ""});
  return type;
}

// A float tensor with values that differ from one another and stay small.
inline Tensor ramp(const Shape& shape, float start = -1.0F, float step = 0.125F) {
  std::vector<float> values;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(start + step * static_cast<float>((i * 7) % 17));
  return Tensor::of<float>(shape, std::span<const float>(values));
}

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 13) {
    model_.opsets.push_back({"", opset});
    model_.graph.name = "g";
  }
  ModelBuilder& input(std::string name, const std::vector<std::int64_t>& shape) {
    model_.graph.inputs.push_back({std::move(name), float_type(shape), ""});
    return *this;
  }
  ModelBuilder& output(std::string name, const std::vector<std::int64_t>& shape) {
    model_.graph.outputs.push_back({std::move(name), float_type(shape), ""});
    return *this;
  }
  ModelBuilder& weight(std::string name, Tensor tensor) {
    model_.graph.weights.push_back({std::move(name), std::move(tensor), ""});
    return *this;
  }
  ModelBuilder& node(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs,
                     std::vector<std::pair<std::string, graph::AttributeValue>> attributes = {}) {
    graph::Node node;
    node.op_type = std::move(op);
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    for (auto& [name, value] : attributes) node.set(name, std::move(value));
    model_.graph.nodes.push_back(std::move(node));
    return *this;
  }
  graph::Model build() { return model_; }

 private:
  graph::Model model_;
};

}  // namespace arete::test
