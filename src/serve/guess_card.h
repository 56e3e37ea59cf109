// guess_card: the model card of a model that came without one, from its inputs and outputs.
//
// Threads: a pure function.
#pragma once

#include <optional>
#include <span>

#include "core/model_card.h"
#include "engine/engine.h"

namespace arete::serve {

// A card for a model with one image-like input ([N,C,H,W] or [N,H,W,C], 1 or 3 channels, fixed
// height and width, a batch of one possible): ImageNet's normalisation for 3 float channels, values
// in 0..1 for one, raw pixels for uint8. The output is classification when it is [N,classes];
// activation none, because nobody said what the numbers are. Nothing for other models.
std::optional<ModelCard> guess_card(std::span<const engine::ValueInfo> inputs,
                                    std::span<const engine::ValueInfo> outputs);

}  // namespace arete::serve
