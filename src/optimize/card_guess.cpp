#include "optimize/card_guess.h"

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

std::string image_assumption(const InputCard& input) {
  return "no model card: images are assumed to be " +
         std::string(input.mean.size() == 3 ? "RGB with ImageNet mean and deviation" : "grey, scaled to 0..1");
}

// Embeddings have the same shape, and a softmax would make nonsense of them.
std::string classes_assumption(const graph::Model& model) {
  return "no model card: the output '" + model.graph.outputs[0].name +
         "' is taken for a score a class, to which a softmax still belongs";
}

}  // namespace

std::vector<std::string> assumptions(const graph::Model& model, const ModelCard& card, bool guessed,
                                     const std::string& card_name) {
  std::vector<std::string> all;
  const OutputCard& output = card.output;
  if (guessed && card.input.kind == InputKind::kImage)
    all.push_back(image_assumption(card.input) + "; write " + card_name + " if that is not so");
  if (guessed && output.activation == Activation::kSoftmax) {
    all.push_back(classes_assumption(model) + "; write " + card_name + R"( with {"output": {"kind": "tensor"}})" +
                  " if it is no classifier");
  }
  if (output.kind != OutputKind::kClassification || model.graph.outputs.empty()) return all;
  const graph::Uses uses(model.graph);
  const graph::Node* maker = last_operator(model, uses);
  const graph::ValueType& type = model.graph.outputs[0].type;
  const bool several = type.is_tensor() && type.has_shape && suggests_classes(type.dtype, type.shape());
  const bool sigmoids = output.activation == Activation::kSigmoid || (maker != nullptr && maker->is("Sigmoid"));
  if (several && sigmoids)
    all.push_back("each class has a sigmoid of its own, and only the highest of each sample is compared");
  return all;
}

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
  const graph::ValueType& output = model.graph.outputs[0].type;
  if (!output.is_tensor() || !output.has_shape) return card;
  if (!suggests_classes(output.dtype, output.shape()) && !is_one_probability(model, output.dtype, output.shape()))
    return card;
  card.output.kind = OutputKind::kClassification;
  card.output.activation = find_activation(model);
  return card;
}

}  // namespace arete::optimize
