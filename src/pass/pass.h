// A pass: graph -> graph, one rewrite a file. This table is the list of them; presets name passes.
//
// A pass changes nothing that a reader of the model's inputs and outputs can see but rounding; it
// returns how many places it rewrote. It must leave a graph that verifies (the runner checks).
// Threads: pure. Quantising passes take more than a graph and have their own headers.
#pragma once

#include <span>
#include <string_view>

#include "core/result.h"
#include "graph/model.h"

namespace arete::pass {

using PassFunction = Result<int> (*)(graph::Model& model);

struct PassRow {
  std::string_view name;  // verb_noun, as in --disable-pass
  std::string_view summary;
  PassFunction run;
  bool exact;  // true: outputs stay bit-equal; false: rounding may differ
};

std::span<const PassRow> all_passes();
const PassRow* find_pass(std::string_view name);

// The passes, one file each.
Result<int> eliminate_identity(graph::Model& model);
Result<int> eliminate_nop_transpose(graph::Model& model);
Result<int> fuse_bn_into_conv(graph::Model& model);
Result<int> fuse_add_bias_into_conv(graph::Model& model);
Result<int> eliminate_dead_code(graph::Model& model);

}  // namespace arete::pass
