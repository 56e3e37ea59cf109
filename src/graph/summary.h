// Counts about a model: what `arete info` prints.
// Threads: pure. Subgraphs are counted too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "graph/model.h"

namespace arete::graph {

struct Summary {
  std::int64_t nodes = 0;
  std::int64_t parameters = 0;  // elements of all weights
  std::uint64_t weight_bytes = 0;
  std::map<std::string, std::int64_t> ops;  // "Conv" or "domain.Op" -> count
  // Multiply-accumulates of one inference (Conv, ConvTranspose, Gemm, MatMul, their quantised forms, LSTM, GRU, RNN),
  // dynamic axes taken as 1. Nothing where a shape that it needs is not known.
  std::optional<std::int64_t> macs;
  // Operators that multiply too and are not counted: Einsum, attention, and If, Loop and Scan for what is in them.
  std::set<std::string> uncounted;
};

Summary summarise(const Model& model);

// What a model computes in: "int8" where anything is quantised, else by most of its weight bytes "fp16", "bf16" or
// "fp32".
std::string_view precision_of(const Model& model);

// True where activations are quantised by a scale that the model takes from what it is given: over a batch that differs
// from what a single row gets (DynamicQuantizeLinear and its relatives).
bool takes_scales_from_input(const Model& model);

// True when most multiplications are those of MatMul and Gemm rather than of Conv. Where a shape that tells is not
// known, elements of the weights stand for them.
bool is_matmul_dominated(const Model& model);

}  // namespace arete::graph
