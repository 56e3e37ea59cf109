#include "optimize/card_guess.h"

#include "graph/official.h"
#include "graph/uses.h"

namespace arete::optimize {

namespace {

// The operator that makes the first output, behind those that only shape it or store it; nullptr without one.
const graph::Node* last_operator(const graph::Model& model, const graph::Uses& uses) {
  const graph::Node* maker = uses.maker(model.graph.outputs[0].name);
  while (maker != nullptr &&
         (maker->is("Reshape") || maker->is("Flatten") || maker->is("Squeeze") || maker->is("Identity") ||
          maker->is("Cast") || maker->is("DequantizeLinear") || maker->is("QuantizeLinear"))) {
    maker = uses.maker(maker->inputs[0]);
  }
  return maker;
}

// The probability of a yes/no classifier.
bool is_one_probability(const graph::Model& model, DType dtype, Shape shape) {
  shape = without_trailing_ones(std::move(shape));
  if (!is_floating(dtype) || shape.size() != 2 || shape[1] != 1) return false;
  const graph::Uses uses(model.graph);
  const graph::Node* maker = last_operator(model, uses);
  return maker != nullptr && maker->is("Sigmoid");
}

}  // namespace

Activation find_activation(const graph::Model& model) {
  if (model.graph.outputs.empty()) return Activation::kNone;
  const graph::Uses uses(model.graph);
  const graph::Node* maker = last_operator(model, uses);
  const bool probabilities = maker != nullptr && (maker->is("Softmax") || maker->is("Sigmoid"));
  return probabilities ? Activation::kNone : Activation::kSoftmax;
}

ModelCard guess_card(const graph::Model& model) {
  ModelCard card;
  const std::vector<graph::Value>& inputs = model.graph.inputs;
  if (inputs.size() == 1 && inputs[0].type.is_tensor() && inputs[0].type.has_shape) {
    if (auto image = guess_image(inputs[0].type.dtype, inputs[0].type.shape())) card.input = std::move(*image);
  }
  if (model.graph.outputs.empty()) return card;
  const graph::ValueType output = graph::infer_shapes(model).graph.outputs[0].type;
  if (!output.is_tensor() || !output.has_shape) return card;
  if (!suggests_classes(output.dtype, output.shape()) && !is_one_probability(model, output.dtype, output.shape()))
    return card;
  card.output.kind = OutputKind::kClassification;
  card.output.activation = find_activation(model);
  return card;
}

}  // namespace arete::optimize
