// Removes nodes none of whose outputs is read, then weights and type notes that nothing needs.
// The model's inputs stay: they are its interface.
#include <unordered_set>

#include "graph/uses.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Node;

bool is_dead(const Node& node, const graph::Uses& uses, const std::vector<bool>& dead) {
  for (const std::string& output : node.outputs) {
    if (output.empty()) continue;
    if (uses.pinned(output)) return false;
    for (const std::size_t reader : uses.readers(output)) {
      if (!dead[reader]) return false;
    }
  }
  return true;
}

}  // namespace

int remove_dead_code(graph::Graph& graph, RewriteGate& gate) {
  std::vector<bool> dead(graph.nodes.size(), false);
  int changes = 0;
  {
    const graph::Uses uses(graph);
    // Nodes stand in running order, so one walk from the back sees every reader first.
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      dead[i] = is_dead(graph.nodes[i], uses, dead) && gate.admit(graph.nodes[i], i);
      changes += dead[i] ? 1 : 0;
    }
  }
  remove_nodes(graph, dead);
  const graph::Uses uses(graph);
  const std::size_t removed = std::erase_if(graph.weights, [&](const graph::Weight& weight) {
    return uses.readers(weight.name).empty() && !uses.pinned(weight.name);
  });
  std::erase_if(graph.values, [&](const graph::Value& value) {
    return uses.maker(value.name) == nullptr && !uses.is_weight(value.name) && !uses.pinned(value.name);
  });
  return changes + static_cast<int>(removed);
}

Result<int> eliminate_dead_code(graph::Model& model, const PassContext& context) {
  return remove_dead_code(model.graph, context.gate);
}

}  // namespace arete::pass
