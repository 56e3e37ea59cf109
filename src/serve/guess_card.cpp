#include "serve/guess_card.h"

namespace arete::serve {

std::optional<ModelCard> guess_card(std::span<const engine::ValueInfo> inputs,
                                    std::span<const engine::ValueInfo> outputs) {
  if (inputs.size() != 1 || outputs.empty() || !inputs[0].known_shape) return std::nullopt;
  std::optional<InputCard> image = guess_image(inputs[0].dtype, inputs[0].shape);
  if (!image || inputs[0].shape[0] > 1) return std::nullopt;  // an answer is one picture's
  ModelCard card;
  card.input = std::move(*image);
  if (outputs[0].known_shape && suggests_classes(outputs[0].dtype, outputs[0].shape))
    card.output.kind = OutputKind::kClassification;
  return card;
}

}  // namespace arete::serve
