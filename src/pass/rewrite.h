// Small moves that several passes share: bypassing nodes, deleting marked nodes. Inside pass/ only.
// Threads: pure.
#pragma once

#include <functional>
#include <vector>

#include "graph/model.h"

namespace arete::pass {

// Removes the nodes that hand their first input on as their only output, as `passes_on` says: readers
// of the output read the input instead. Where that output is pinned (graph/uses.h), the maker of the
// input takes its name; a node stays where neither is possible without a change that others could
// see. Returns how many went. Cost: linear in nodes and names.
int bypass_nodes(graph::Graph& graph, const std::function<bool(const graph::Node&)>& passes_on);

void remove_nodes(graph::Graph& graph, const std::vector<bool>& dead);

}  // namespace arete::pass
