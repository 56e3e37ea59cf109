// Counts about a model: what `arete info` prints.
// Threads: pure. Subgraphs are counted too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "graph/model.h"

namespace arete::graph {

struct Summary {
  std::int64_t nodes = 0;
  std::int64_t parameters = 0;  // elements of all weights
  std::uint64_t weight_bytes = 0;
  std::map<std::string, std::int64_t> ops;  // "Conv" or "domain.Op" -> count
  // Multiply-accumulates of one inference (Conv, ConvTranspose, Gemm, MatMul and their quantised
  // forms), dynamic axes taken as 1. Nothing where a shape that it needs is not known.
  std::optional<std::int64_t> macs;
};

Summary summarise(const Model& model);

}  // namespace arete::graph
