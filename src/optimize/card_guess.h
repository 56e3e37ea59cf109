// The model card that a graph suggests when nobody wrote one. Threads: pure.
#pragma once

#include "core/model_card.h"
#include "graph/model.h"

namespace arete::optimize {

// An image input for a float [N,3|1,H,W] or [N,H,W,3|1] first input of known size (ImageNet
// normalisation for 3 channels); classification for a [N,C] first output with C > 1.
ModelCard guess_card(const graph::Model& model);

// What must still be applied to the first output to make it probabilities: none when the graph ends
// in Softmax or Sigmoid, else softmax.
Activation find_activation(const graph::Model& model);

}  // namespace arete::optimize
