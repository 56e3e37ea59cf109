#include "optimize/card_guess.h"

#include "graph/official.h"
#include "graph/uses.h"

namespace arete::optimize {
namespace {

using graph::ValueType;

bool is_channels(const graph::Dim& dim) { return dim.size == 1 || dim.size == 3; }
bool is_side(const graph::Dim& dim) { return dim.size >= 8 && dim.size <= kMaxCardImageSide; }

void guess_input(const ValueType& type, InputCard& card) {
  const bool float_image = type.is_tensor() && type.has_shape && type.dims.size() == 4 &&
                           (type.dtype == DType::kFloat32 || type.dtype == DType::kFloat16);
  if (!float_image) return;
  const auto& dims = type.dims;
  const bool nchw = is_channels(dims[1]) && is_side(dims[2]) && is_side(dims[3]);
  const bool nhwc = !nchw && is_channels(dims[3]) && is_side(dims[1]) && is_side(dims[2]);
  if (!nchw && !nhwc) return;
  card.kind = InputKind::kImage;
  card.layout = nchw ? PixelLayout::kNchw : PixelLayout::kNhwc;
  card.height = static_cast<int>(dims[nchw ? 2 : 1].size);
  card.width = static_cast<int>(dims[nchw ? 3 : 2].size);
  set_default_normalisation(card, static_cast<int>(dims[nchw ? 1 : 3].size));
}

}  // namespace

Activation find_activation(const graph::Model& model) {
  if (model.graph.outputs.empty()) return Activation::kNone;
  const graph::Uses uses(model.graph);
  const graph::Node* maker = uses.maker(model.graph.outputs[0].name);
  // Shape-only operators may stand between the activation and the output.
  while (maker != nullptr &&
         (maker->is("Reshape") || maker->is("Flatten") || maker->is("Squeeze") || maker->is("Identity") ||
          maker->is("Cast") || maker->is("DequantizeLinear") || maker->is("QuantizeLinear"))) {
    maker = uses.maker(maker->inputs[0]);
  }
  const bool probabilities = maker != nullptr && (maker->is("Softmax") || maker->is("Sigmoid"));
  return probabilities ? Activation::kNone : Activation::kSoftmax;
}

ModelCard guess_card(const graph::Model& model) {
  ModelCard card;
  if (model.graph.inputs.size() == 1) guess_input(model.graph.inputs[0].type, card.input);
  if (model.graph.outputs.empty()) return card;
  const graph::Model inferred = graph::infer_shapes(model);
  const ValueType& output = inferred.graph.outputs[0].type;
  const bool classes = output.is_tensor() && output.has_shape && output.dims.size() == 2 && output.dims[1].size > 1 &&
                       (output.dtype == DType::kFloat32 || output.dtype == DType::kFloat16);
  if (!classes) return card;
  card.output.kind = OutputKind::kClassification;
  card.output.activation = find_activation(model);
  return card;
}

}  // namespace arete::optimize
