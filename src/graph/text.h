// A model as text that a person reads and a golden test compares: one line a value, weight and node.
// Small weights are shown whole, larger ones by their CRC, so that a changed value shows.
// Threads: pure. Format: docs/formats/text.md.
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
