#include <algorithm>
#include <queue>
#include <unordered_map>

#include "graph/uses.h"
#include "graph/verifier.h"

namespace arete::graph {
namespace {

// Who waits for whom: node indices.
struct Waits {
  std::vector<std::vector<std::size_t>> users;
  std::vector<std::size_t> count;
  bool in_order = true;
};

Waits waits_of(const Graph& graph) {
  std::unordered_map<std::string_view, std::size_t> maker;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty()) maker.emplace(output, i);
    }
  }
  Waits waits;
  waits.users.resize(graph.nodes.size());
  waits.count.resize(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto need = [&](std::string_view name) {
      const auto found = maker.find(name);
      if (found == maker.end()) return;
      waits.users[found->second].push_back(i);
      ++waits.count[i];
      waits.in_order &= found->second < i;
    };
    for (const std::string& input : graph.nodes[i].inputs) need(input);
    for (const std::string_view name : captured_names(graph.nodes[i])) need(name);
  }
  return waits;
}

bool in_order(const Graph& graph) {
  if (!waits_of(graph).in_order) return false;
  return std::ranges::all_of(graph.nodes, [](const Node& node) {
    return std::ranges::all_of(subgraphs_of(node), [](const Graph* sub) { return in_order(*sub); });
  });
}

// Subgraphs are shared and seldom out of order: only then is one copied.
Status sort_one(std::shared_ptr<const Graph>& graph) {
  if (in_order(*graph)) return {};
  Graph sorted = *graph;
  RETURN_IF_ERROR(sort_nodes(sorted));
  graph = std::make_shared<const Graph>(std::move(sorted));
  return {};
}

Status sort_subgraphs(Node& node) {
  for (Attribute& attribute : node.attributes) {
    if (auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) RETURN_IF_ERROR(sort_one(*one));
    if (auto* many = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value)) {
      for (auto& graph : *many) RETURN_IF_ERROR(sort_one(graph));
    }
  }
  return {};
}

// The lowest ready index first keeps the author's order wherever it is possible. Shorter than the
// graph where there is a cycle.
std::vector<std::size_t> running_order(Waits& waits) {
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < waits.count.size(); ++i) {
    if (waits.count[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const std::size_t user : waits.users[next]) {
      if (--waits.count[user] == 0) ready.push(user);
    }
  }
  return order;
}

// A node of a cycle: from one that waits, back along what it waits for, until one comes again.
std::size_t node_in_cycle(const Waits& waits) {
  std::vector<std::size_t> waits_for(waits.count.size(), SIZE_MAX);
  std::size_t at = 0;
  for (std::size_t i = 0; i < waits.count.size(); ++i) {
    if (waits.count[i] == 0) continue;
    at = i;
    for (const std::size_t user : waits.users[i]) waits_for[user] = i;
  }
  std::vector<bool> seen(waits.count.size(), false);
  while (!seen[at]) {
    seen[at] = true;
    at = waits_for[at];
  }
  return at;
}

}  // namespace

Status sort_nodes(Graph& graph) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Status good = sort_subgraphs(graph.nodes[i]);
    if (!good) return with_context(good.error(), describe(graph.nodes[i], i));
  }
  Waits waits = waits_of(graph);
  if (waits.in_order) return {};
  const std::vector<std::size_t> order = running_order(waits);
  if (order.size() != graph.nodes.size()) {
    const std::size_t stuck = node_in_cycle(waits);
    return Error{Code::kInvalid, describe(graph.nodes[stuck], stuck) +
                                     ": the graph has a cycle through it; a node cannot use its own result"};
  }
  std::vector<Node> sorted;
  sorted.reserve(order.size());
  for (const std::size_t index : order) sorted.push_back(std::move(graph.nodes[index]));
  graph.nodes = std::move(sorted);
  return {};
}

}  // namespace arete::graph
