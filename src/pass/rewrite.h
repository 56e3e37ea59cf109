// Small moves that several passes share: bypassing nodes, deleting marked nodes. Inside pass/ only.
// Threads: pure.
#pragma once

#include <functional>
#include <vector>

#include "graph/model.h"
#include "pass/rewrite_gate.h"

namespace arete::pass {

// Removes the nodes that hand their first input on as their only output, as `passes_on` says: readers
// of the output read the input instead. Where that output is pinned (graph/uses.h), the maker of the
// input takes its name; a node stays where neither is possible without a change that others could
// see, or the gate does not admit it. Returns how many went. Cost: linear in nodes and names.
int bypass_nodes(graph::Graph& graph, RewriteGate& gate, const std::function<bool(const graph::Node&)>& passes_on);

// What the pass eliminate_dead_code does, as a part of another rewrite. Returns how many nodes and weights went.
int remove_dead_code(graph::Graph& graph, RewriteGate& gate);
inline void remove_dead_code(graph::Graph& graph) {
  RewriteGate everything;
  remove_dead_code(graph, everything);
}

void remove_nodes(graph::Graph& graph, const std::vector<bool>& dead);

}  // namespace arete::pass
