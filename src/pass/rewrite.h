// Small moves that several passes share: bypassing a node, deleting marked nodes. Inside pass/ only.
#pragma once

#include <string>
#include <vector>

#include "graph/model.h"
#include "graph/uses.h"

namespace arete::pass {

// Makes readers of node `index`'s first output read `source` instead, and marks the node dead.
// When that output is an output of the graph, the maker of `source` takes its name. False, with
// nothing changed, where neither is possible without a change that others could see.
bool bypass_node(graph::Graph& graph, std::size_t index, const std::string& source, std::vector<bool>& dead);

void remove_nodes(graph::Graph& graph, const std::vector<bool>& dead);

// Renames every direct use of a tensor by the graph's nodes.
void rename_uses(graph::Graph& graph, const std::string& from, const std::string& to);

}  // namespace arete::pass
