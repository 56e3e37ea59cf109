#include "pass/rewrite.h"

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "graph/uses.h"

namespace arete::pass {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

// One walk in running order decides, and each name is then changed once.
class Bypass {
 public:
  explicit Bypass(const Graph& graph) : uses_(graph) {}

  // True when the node goes.
  bool take(const Node& node) {
    const std::string& output = node.outputs[0];
    const std::string source = source_of(node.inputs[0]);
    if (!uses_.pinned(output)) {
      source_.emplace(output, source);
      return true;
    }
    // The output's name must stay: let the maker of the source carry it, if nobody outside sees the source.
    if (uses_.maker(source) == nullptr || uses_.pinned(source) || renamed_.contains(source)) return false;
    renamed_.emplace(source, output);
    return true;
  }

  // The name under which a tensor is known afterwards.
  std::string name_of(const std::string& tensor) const {
    const std::string source = source_of(tensor);
    const auto found = renamed_.find(source);
    return found == renamed_.end() ? source : found->second;
  }

 private:
  // Sources are final when they are stored, because their makers stand before.
  std::string source_of(const std::string& tensor) const {
    const auto found = source_.find(tensor);
    return found == source_.end() ? tensor : found->second;
  }

  const Uses uses_;
  std::unordered_map<std::string, std::string> source_;   // bypassed output -> what it was made from
  std::unordered_map<std::string, std::string> renamed_;  // source -> the pinned name that its maker takes
};

bool has_one_in_one_out(const Node& node) {
  return !node.inputs.empty() && !node.inputs[0].empty() && node.outputs.size() == 1 && !node.outputs[0].empty();
}

}  // namespace

int bypass_nodes(Graph& graph, RewriteGate& gate, const std::function<bool(const Node&)>& passes_on) {
  Bypass bypass(graph);
  std::vector<bool> dead(graph.nodes.size(), false);
  int changes = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    dead[i] = has_one_in_one_out(node) && passes_on(node) && gate.admit(node, i) && bypass.take(node);
    changes += dead[i] ? 1 : 0;
  }
  if (changes == 0) return 0;
  remove_nodes(graph, dead);
  for (Node& node : graph.nodes) {
    for (std::string& input : node.inputs) input = bypass.name_of(input);
    for (std::string& output : node.outputs) output = bypass.name_of(output);
  }
  return changes;
}

void remove_nodes(Graph& graph, const std::vector<bool>& dead) {
  std::size_t index = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return dead[index++]; });
}

}  // namespace arete::pass
