#include "tests/random_graph/scope.h"

#include <algorithm>

#include "core/check.h"

namespace arete::test {

graph::ValueType type_of(const Made& made) {
  graph::ValueType type{graph::TypeKind::kTensor, made.dtype, true, {}, ""};
  for (const std::int64_t size : made.shape) type.dims.push_back({size, ""});
  return type;
}

std::int64_t count_of(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool is_float(const Made& made) { return made.dtype == DType::kFloat32; }

void Scope::visible(const Wanted& wanted, std::vector<Made>& found) const {
  if (outer_ != nullptr) outer_->visible(wanted, found);
  for (const Made& made : made_) {
    if (wanted(made)) found.push_back(made);
  }
}

std::optional<Made> Scope::pick(const Wanted& wanted) {
  std::vector<Made> found;
  visible(wanted, found);
  if (found.empty()) return std::nullopt;
  const auto count = static_cast<std::int64_t>(found.size());
  const std::int64_t at = std::max(random().below(count), random().below(count));
  return found[static_cast<std::size_t>(at)];
}

std::optional<Made> Scope::pick(DType dtype) {
  return pick([dtype](const Made& made) { return made.dtype == dtype; });
}

Made Scope::constant(Tensor tensor) {
  Made made{new_name("c"), tensor.dtype(), tensor.shape(), false};
  if (random().chance(25)) {
    graph::Node node;
    node.op_type = "Constant";
    node.outputs = {made.name};
    node.set("value", std::move(tensor));
    graph_.nodes.push_back(std::move(node));
  } else {
    graph_.weights.push_back({made.name, std::move(tensor), ""});
  }
  made_.push_back(made);
  return made;
}

Made Scope::floats(Shape shape, float least, float most) {
  std::vector<float> values(static_cast<std::size_t>(count_of(shape)));
  for (float& value : values) value = random().real(least, most);
  return constant(Tensor::of<float>(std::move(shape), std::span<const float>(values)));
}

Made Scope::ints(const std::vector<std::int64_t>& values) {
  return constant(
      Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values)));
}

Made Scope::scalar(std::int64_t value) { return constant(Tensor::scalar<std::int64_t>(value)); }

Made Scope::emit(const std::string& op, const std::vector<Made>& inputs, DType dtype, Shape shape,
                 Attributes attributes) {
  return emit_many(op, inputs, {{"", dtype, std::move(shape), false}}, std::move(attributes))[0];
}

std::vector<Made> Scope::emit_many(const std::string& op, const std::vector<Made>& inputs, std::vector<Made> types,
                                   Attributes attributes) {
  graph::Node node;
  node.op_type = op;
  if (random().chance(30)) node.name = new_name("node");
  bool rounded = op == "Conv";  // BatchNormalization and Add are folded into it
  for (const Made& input : inputs) {
    node.inputs.push_back(input.name);
    rounded |= input.rounded;
  }
  for (Made& type : types) {
    type.name = new_name("t");
    type.rounded |= rounded;
    node.outputs.push_back(type.name);
    made_.push_back(type);
  }
  for (auto& [name, value] : attributes) node.set(name, std::move(value));
  graph_.nodes.push_back(std::move(node));
  --growth_.nodes_left;
  return types;
}

void Scope::add_input(Made made, bool dynamic_batch) {
  graph::ValueType type = type_of(made);
  if (dynamic_batch && !type.dims.empty()) type.dims[0] = {-1, "N"};
  graph_.inputs.push_back({made.name, std::move(type), ""});
  made_.push_back(std::move(made));
}

}  // namespace arete::test
