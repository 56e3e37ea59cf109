#include "tests/random_graph/generator.h"

#include <array>

#include "tests/random_graph/op_rows.h"

namespace arete::test {
namespace {

constexpr std::array<DType, 8> kInputTypes = {DType::kFloat32, DType::kFloat32, DType::kFloat32, DType::kFloat32,
                                              DType::kInt64,   DType::kBool,    DType::kInt32,   DType::kFloat64};

std::vector<const OpMakerRow*> weighted_rows() {
  std::vector<const OpMakerRow*> rows;
  for (const auto& group : {elementwise_ops(), shape_ops(), network_ops(), control_ops()}) {
    for (const OpMakerRow& row : group) rows.insert(rows.end(), static_cast<std::size_t>(row.weight), &row);
  }
  return rows;
}

template <class T>
Tensor filled(Random& random, const Shape& shape, T (*value)(Random&)) {
  Result<Tensor> tensor = Tensor::zeros(dtype_of<T>(), shape);
  for (T& element : tensor->template mutable_data<T>()) element = value(random);
  return std::move(*tensor);
}

Tensor input_values(Random& random, const Made& made) {
  switch (made.dtype) {
    case DType::kInt64:
      return filled<std::int64_t>(random, made.shape, [](Random& r) { return r.between(-5, 5); });
    case DType::kInt32:
      return filled<std::int32_t>(random, made.shape,
                                  [](Random& r) { return static_cast<std::int32_t>(r.between(-5, 5)); });
    case DType::kBool:
      return filled<bool>(random, made.shape, [](Random& r) { return r.chance(50); });
    case DType::kFloat64:
      return filled<double>(random, made.shape, [](Random& r) { return static_cast<double>(r.real(-2, 2)); });
    default:
      return filled<float>(random, made.shape, [](Random& r) { return r.real(-2, 2); });
  }
}

Shape input_shape(Random& random) {
  if (random.chance(40))
    return {random.between(1, 2), random.between(1, 4), random.between(3, 6), random.between(3, 6)};
  Shape shape;
  for (std::int64_t rank = random.below(4); rank > 0; --rank)
    shape.push_back(random.chance(20) ? 1 : random.between(1, 6));
  return shape;
}

void add_inputs(Scope& scope, std::vector<NamedTensor>& inputs) {
  Random& random = scope.random();
  for (std::int64_t count = random.between(1, 3); count > 0; --count) {
    const DType dtype =
        inputs.empty() ? DType::kFloat32 : kInputTypes[static_cast<std::size_t>(random.below(kInputTypes.size()))];
    const Made made{scope.new_name("x"), dtype, input_shape(random), false};
    scope.add_input(made, random.chance(50));
    inputs.push_back({made.name, input_values(random, made)});
  }
}

// The last tensors and some from the middle; never an input or a weight itself.
void add_outputs(Scope& scope) {
  const std::size_t nodes = scope.graph().nodes.size();
  for (std::int64_t count = scope.random().between(1, 4); count > 0; --count) {
    const std::size_t from_end = static_cast<std::size_t>(scope.random().below(static_cast<std::int64_t>(nodes)));
    const graph::Node& node = scope.graph().nodes[count == 1 ? nodes - 1 : from_end];
    const std::string& name =
        node.outputs[static_cast<std::size_t>(scope.random().below(static_cast<std::int64_t>(node.outputs.size())))];
    bool taken = false;
    for (const graph::Value& output : scope.graph().outputs) taken |= output.name == name;
    if (taken) continue;
    for (const Made& made : scope.made()) {
      if (made.name != name) continue;
      graph::ValueType type = type_of(made);
      for (graph::Dim& dim : type.dims) dim = {};  // where the batch is dynamic, the size is another's
      scope.graph().outputs.push_back({name, std::move(type), ""});
    }
  }
}

}  // namespace

void grow(Scope& scope, int nodes) {
  static const std::vector<const OpMakerRow*> kRows = weighted_rows();
  const std::size_t wanted = scope.graph().nodes.size() + static_cast<std::size_t>(nodes);
  for (int tries = 0; tries < nodes * 10 && scope.graph().nodes.size() < wanted && scope.growth().nodes_left > 0;
       ++tries)
    kRows[static_cast<std::size_t>(scope.random().below(static_cast<std::int64_t>(kRows.size())))]->make(scope);
}

RandomModel random_model(std::uint64_t seed) {
  Growth growth{Random(seed)};
  growth.opset = growth.random.between(13, 22);
  growth.nodes_left = static_cast<int>(growth.random.between(3, 40));
  Scope scope(growth, nullptr);
  RandomModel result;
  add_inputs(scope, result.inputs);
  while (scope.graph().nodes.empty()) grow(scope, growth.nodes_left);
  add_outputs(scope);
  result.model.ir_version = 8;
  result.model.opsets = {{"", growth.opset}};
  result.model.graph = std::move(scope.graph());
  result.model.graph.name = "random" + std::to_string(seed);
  return result;
}

}  // namespace arete::test
