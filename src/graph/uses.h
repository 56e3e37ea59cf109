// Uses: who makes and who reads each tensor of a graph. A snapshot: build it again after a rewrite.
// Ownership: borrows the graph, which must not change while the snapshot is used. Threads: const.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graph/model.h"

namespace arete::graph {

// Names from outside that a node's subgraphs read.
std::vector<std::string_view> captured_names(const Node& node);

class Uses {
 public:
  explicit Uses(const Graph& graph);

  // The node that makes a tensor, or nullptr (an input, a weight, unknown).
  const Node* maker(std::string_view tensor) const;
  std::size_t maker_index(std::string_view tensor) const;  // SIZE_MAX when nobody
  // Indices of the nodes that read it directly, one entry a use.
  const std::vector<std::size_t>& readers(std::string_view tensor) const;
  // True when the tensor is an output of the graph or is read inside a subgraph: then its name and
  // value are seen from outside the plain node list.
  bool pinned(std::string_view tensor) const { return pinned_.contains(tensor); }
  // Read exactly once, by a node of this graph, and not pinned.
  bool single_reader(std::string_view tensor) const { return !pinned(tensor) && readers(tensor).size() == 1; }
  // The value of a weight or of a Constant node, or nullptr.
  const Tensor* constant(std::string_view tensor) const;
  bool is_weight(std::string_view tensor) const { return weights_.contains(tensor); }

 private:
  const Graph& graph_;
  std::unordered_map<std::string_view, std::size_t> makers_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> readers_;
  std::unordered_map<std::string_view, const Tensor*> weights_;
  std::unordered_set<std::string_view> pinned_;
};

// Types of the graph's tensors by name, as far as they are known.
std::unordered_map<std::string_view, const ValueType*> types_of(const Graph& graph);

}  // namespace arete::graph
