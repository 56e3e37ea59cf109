// A pass: graph -> graph, one rewrite a file. This table is the list of them; presets name passes.
//
// A pass changes nothing that a reader of the model's inputs and outputs can see but rounding; it
// returns how many places it rewrote. It must leave a graph that verifies (the runner checks).
// Threads: pure but for what the context calls. Quantising passes take more than a graph and have their
// own headers.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/model.h"
#include "pass/rewrite_gate.h"

namespace arete::pass {

// Runs a model without inputs: its outputs in the order in which it lists them. Whoever calls the passes hands
// them an engine this way; empty: nothing can be evaluated.
using Evaluate = std::function<Result<std::vector<Tensor>>(const graph::Model& constant)>;

// What a pass may use besides the graph. Borrowed for the call.
struct PassContext {
  RewriteGate& gate;  // asked before each rewrite
  const Evaluate& evaluate;
};

using PassFunction = Result<int> (*)(graph::Model& model, const PassContext& context);

struct PassRow {
  std::string_view name;  // verb_noun, as in --disable-pass
  std::string_view summary;
  PassFunction run;
  bool exact;  // true: outputs stay bit-equal; false: rounding may differ
};

std::span<const PassRow> all_passes();
const PassRow* find_pass(std::string_view name);

// The passes, one file each.
Result<int> fold_constants(graph::Model& model, const PassContext& context);
Result<int> eliminate_identity(graph::Model& model, const PassContext& context);
Result<int> eliminate_nop_transpose(graph::Model& model, const PassContext& context);
Result<int> fuse_bn_into_conv(graph::Model& model, const PassContext& context);
Result<int> fuse_add_bias_into_conv(graph::Model& model, const PassContext& context);
Result<int> eliminate_dead_code(graph::Model& model, const PassContext& context);

}  // namespace arete::pass
