// The verifier: our own judgement on a graph, worded so that a person can mend it. It gates reading,
// and runs after every pass.
//
// Checks: every tensor is made once and before its use (a graph that is only out of order is sorted
// by sort_nodes), no cycles, names not empty, operators known in their domain at the model's opset
// with a fitting number of inputs and outputs, their required attributes and attribute types, sizes
// not negative, outputs made; subgraphs by the same rules with the outer names visible, and the
// model's own functions likewise, which must not call themselves.
// Unknown domains pass untouched. Not for: types and shapes (graph/official.h infers those).
// Threads: pure. Cost: linear in nodes and names.
#pragma once

#include "core/result.h"
#include "graph/model.h"

namespace arete::graph {

inline constexpr int kMaxCallDepth = 64;                      // functions within functions
inline constexpr std::int64_t kMaxExpandedNodes = 1'000'000;  // that all calls of functions stand for

// kInvalid, kUnsupported or kExhausted with the node, the tensor and what to do.
Status verify(const Model& model);

// Puts nodes into an order in which they can run, keeping the given order where it works; those of
// subgraphs too. kInvalid naming a node of a cycle. Tensors that nobody makes are left for verify().
Status sort_nodes(Graph& graph);

}  // namespace arete::graph
