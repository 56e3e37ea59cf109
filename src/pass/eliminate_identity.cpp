// Identity(x) -> readers of the result read x.
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {

Result<int> eliminate_identity(graph::Model& model) {
  std::vector<bool> dead(model.graph.nodes.size(), false);
  int changes = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    const graph::Node& node = model.graph.nodes[i];
    if (!node.is("Identity") || node.inputs.size() != 1 || node.outputs.size() != 1) continue;
    const std::string source = node.inputs[0];
    changes += bypass_node(model.graph, i, source, dead) ? 1 : 0;
  }
  remove_nodes(model.graph, dead);
  return changes;
}

}  // namespace arete::pass
