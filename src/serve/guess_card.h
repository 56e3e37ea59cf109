// guess_card: the model card of a model that came without one, from its inputs and outputs.
//
// Threads: a pure function.
#pragma once

#include <optional>
#include <span>

#include "core/model_card.h"
#include "engine/engine.h"

namespace arete::serve {

// A card for a model with one input that suggests an image (core/model_card.h) and takes a batch of one. The output is
// classification when it suggests classes; activation none, because nobody said what the numbers are. Nothing for other
// models.
std::optional<ModelCard> guess_card(std::span<const engine::ValueInfo> inputs,
                                    std::span<const engine::ValueInfo> outputs);

}  // namespace arete::serve
