// The activation function that a card says must still be applied to a model's first output.
// Threads: pure.
#pragma once

#include <optional>
#include <span>

#include "core/model_card.h"

namespace arete {

// In place, on the scores of one sample, stably: softmax over all of them, sigmoid on each, none leaves them as they
// are.
void activate(Activation activation, std::span<double> scores);

// Where a classification's output is one score a sample: class 1 above this, class 0 elsewhere. Nothing for outputs
// that one score cannot be.
std::optional<double> yes_above(const OutputCard& card);

}  // namespace arete
