// Identity(x) -> readers of the result read x.
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {

Result<int> eliminate_identity(graph::Model& model, const PassContext& context) {
  return bypass_nodes(model.graph, context.gate, [](const graph::Node& node) { return node.is("Identity"); });
}

}  // namespace arete::pass
