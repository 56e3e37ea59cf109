#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "graph/name_table.h"
#include "graph/verifier.h"

namespace arete::graph {
namespace {

// Who waits for whom: node indices.
struct Waits {
  std::vector<std::vector<std::size_t>> users;
  std::vector<std::size_t> count;
  bool in_order = true;
};

using Names = std::unordered_set<std::string>;
using InnerNames = std::unordered_map<std::size_t, Names>;  // what the subgraphs of a node, by its index, capture

Waits waits_of(const Graph& graph, const InnerNames& captured) {
  NameTable names(graph.nodes.size());
  std::vector<std::size_t> maker;  // by number of the tensor
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty() && names.add(output) == maker.size()) maker.push_back(i);
    }
  }
  Waits waits;
  waits.users.resize(graph.nodes.size());
  waits.count.resize(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto need = [&](std::string_view name) {
      const std::uint32_t tensor = names.find(name);
      if (tensor == NameTable::kNone) return;
      waits.users[maker[tensor]].push_back(i);
      ++waits.count[i];
      waits.in_order &= maker[tensor] < i;
    };
    for (const std::string& input : graph.nodes[i].inputs) need(input);
    if (const auto inner = captured.find(i); inner != captured.end()) {
      for (const std::string& name : inner->second) need(name);
    }
  }
  return waits;
}

// What a graph reads and does not make itself.
Names captures_of(const Graph& graph, const InnerNames& inner) {
  NameTable made(graph.nodes.size() + graph.weights.size());
  for (const Value& input : graph.inputs) made.add(input.name);
  for (const Weight& weight : graph.weights) made.add(weight.name);
  for (const std::string& weight : graph.sparse_weights) made.add(weight);
  for (const Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) made.add(output);
  }
  Names captured;
  const auto read = [&](const std::string& name) {
    if (!name.empty() && made.find(name) == NameTable::kNone) captured.insert(name);
  };
  for (const Node& node : graph.nodes) std::ranges::for_each(node.inputs, read);
  for (const auto& [index, names] : inner) std::ranges::for_each(names, read);
  for (const Value& output : graph.outputs) read(output.name);
  return captured;
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

Result<bool> sort(Graph& graph, Names& captured);

// Subgraphs are shared and seldom out of order: only then does another take one's place. True when it did.
Result<bool> sort_one(std::shared_ptr<const Graph>& graph, Names& captured) {
  Graph sorted = *graph;
  ASSIGN_OR_RETURN(const bool changed, sort(sorted, captured));
  if (changed) graph = std::make_shared<const Graph>(std::move(sorted));
  return changed;
}

Result<bool> sort_subgraphs(Node& node, Names& captured) {
  bool changed = false;
  for (Attribute& attribute : node.attributes) {
    if (auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) {
      ASSIGN_OR_RETURN(const bool own, sort_one(*one, captured));
      changed |= own;
    }
    auto* many = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value);
    for (std::size_t i = 0; many != nullptr && i < many->size(); ++i) {
      ASSIGN_OR_RETURN(const bool own, sort_one((*many)[i], captured));
      changed |= own;
    }
  }
  return changed;
}

// From the innermost graphs outwards, each looked at once (depth is bounded by the reader). Adds what the graph
// captures, and says whether anything moved.
Result<bool> sort(Graph& graph, Names& captured) {
  bool changed = false;
  InnerNames inner;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (subgraphs_of(graph.nodes[i]).empty()) continue;
    const Result<bool> own = sort_subgraphs(graph.nodes[i], inner[i]);
    if (!own) return with_context(own.error(), describe(graph.nodes[i], i));
    changed |= *own;
  }
  captured.merge(captures_of(graph, inner));
  Waits waits = waits_of(graph, inner);
  if (waits.in_order) return changed;
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
  return true;
}

}  // namespace

Status sort_nodes(Graph& graph) {
  Names captured;
  const Result<bool> changed = sort(graph, captured);
  return changed ? Status() : Status(changed.error());
}

}  // namespace arete::graph
