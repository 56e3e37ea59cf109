#include "pass/rewrite.h"

#include <algorithm>

namespace arete::pass {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

}  // namespace

void rename_uses(Graph& graph, const std::string& from, const std::string& to) {
  for (Node& node : graph.nodes) std::ranges::replace(node.inputs, from, to);
}

bool bypass_node(Graph& graph, std::size_t index, const std::string& source, std::vector<bool>& dead) {
  const std::string output = graph.nodes[index].outputs[0];
  const Uses uses(graph);
  if (!uses.pinned(output)) {
    rename_uses(graph, output, source);
    dead[index] = true;
    graph.nodes[index].inputs.clear();
    graph.nodes[index].outputs.clear();
    return true;
  }
  // The output's name must stay: let the maker of the source carry it, if nobody outside sees the source.
  const std::size_t maker = uses.maker_index(source);
  if (maker == SIZE_MAX || uses.pinned(source)) return false;
  graph.nodes[index].inputs.clear();
  graph.nodes[index].outputs.clear();
  dead[index] = true;
  std::ranges::replace(graph.nodes[maker].outputs, source, output);
  rename_uses(graph, source, output);
  return true;
}

void remove_nodes(Graph& graph, const std::vector<bool>& dead) {
  std::size_t index = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return dead[index++]; });
}

}  // namespace arete::pass
