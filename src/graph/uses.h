// Uses: who makes and who reads each tensor of a graph. A snapshot: build it again after a rewrite.
// Ownership: borrows the graph, which must not change while the snapshot is used. Threads: const.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/model.h"
#include "graph/name_table.h"

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
  std::span<const std::size_t> readers(std::string_view tensor) const;
  // True when the tensor is an output of the graph or is read inside a subgraph: then its name and
  // value are seen from outside the plain node list.
  bool pinned(std::string_view tensor) const {
    const std::uint32_t number = names_.find(tensor);
    return number != NameTable::kNone && pinned_[number];
  }
  // Read exactly once, by a node of this graph, and not pinned.
  bool single_reader(std::string_view tensor) const { return !pinned(tensor) && readers(tensor).size() == 1; }
  // The value of a weight or of a Constant node, or nullptr.
  const Tensor* constant(std::string_view tensor) const;
  bool is_weight(std::string_view tensor) const {
    const std::uint32_t number = names_.find(tensor);
    return number != NameTable::kNone && weights_[number] != nullptr;
  }

  // Numbers of the tensors that anything makes, reads or hands out; NameTable::kNone for others.
  const NameTable& names() const { return names_; }

 private:
  const Graph& graph_;
  NameTable names_;
  // By number of the tensor.
  std::vector<std::size_t> makers_;  // SIZE_MAX: nobody
  std::vector<const Tensor*> weights_;
  std::vector<bool> pinned_;
  std::vector<std::size_t> first_reader_;  // into readers_; the last is its size
  std::vector<std::size_t> readers_;
};

// Types of the graph's tensors by name, as far as they are known.
std::unordered_map<std::string_view, const ValueType*> types_of(const Graph& graph);

}  // namespace arete::graph
