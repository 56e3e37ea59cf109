// The model card that a graph suggests when nobody wrote one. Models come here after shape inference. Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "core/model_card.h"
#include "graph/model.h"

namespace arete::optimize {

// An image where the only input suggests one, classification where the first output suggests classes
// (core/model_card.h), with the activation that the graph lacks.
ModelCard guess_card(const graph::Model& model);

// What a guessed card takes for granted, and what a card leaves unjudged: sentences for a user, who can write
// `card_name` where it is not so.
std::vector<std::string> assumptions(const graph::Model& model, const ModelCard& card, bool guessed,
                                     const std::string& card_name);

// What must still be applied to the first output to make it probabilities: none when the graph ends
// in Softmax or Sigmoid, else softmax.
Activation find_activation(const graph::Model& model);

}  // namespace arete::optimize
