// A model as text that a person reads and a golden test compares: one line a value, weight and node.
// Small weights are shown whole, larger ones by a fingerprint (FNV-1a), and so is what only travels
// (`extra`): whatever differs between two models differs in their texts.
// Threads: pure.
#pragma once

#include <cstddef>
#include <string>

#include "graph/model.h"

namespace arete::graph {

struct TextOptions {
  std::size_t max_elements = 8;  // weights up to this many elements are printed whole
};

std::string to_text(const Model& model, const TextOptions& options = {});

}  // namespace arete::graph
