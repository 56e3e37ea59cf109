#include "pass/rewrite.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "graph/uses.h"

namespace arete::pass {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

using graph::NameTable;

// One walk in running order decides, and each name is then changed once. Tensors go by their numbers.
class Bypass {
 public:
  explicit Bypass(const Graph& graph)
      : uses_(graph), source_(uses_.names().size()), renamed_(uses_.names().size(), NameTable::kNone) {
    std::iota(source_.begin(), source_.end(), 0U);
  }

  // True when the node goes.
  bool take(const Node& node) {
    const std::uint32_t output = uses_.names().find(node.outputs[0]);
    const std::uint32_t source = source_[uses_.names().find(node.inputs[0])];
    if (!uses_.pinned(node.outputs[0])) {
      source_[output] = source;
      return true;
    }
    // The output's name must stay: let the maker of the source carry it, if nobody outside sees the source.
    const std::string_view name = uses_.names().name(source);
    if (uses_.maker(name) == nullptr || uses_.pinned(name) || renamed_[source] != NameTable::kNone) return false;
    renamed_[source] = output;
    return true;
  }

  // The name under which a tensor is known afterwards, where it is another one.
  std::optional<std::string> new_name(const std::string& tensor) const {
    const std::uint32_t number = uses_.names().find(tensor);
    if (number == NameTable::kNone) return std::nullopt;
    const std::uint32_t source = source_[number];
    const std::uint32_t known_as = renamed_[source] == NameTable::kNone ? source : renamed_[source];
    return known_as == number ? std::nullopt : std::optional(std::string(uses_.names().name(known_as)));
  }

 private:
  const Uses uses_;
  // Of a bypassed output, what it was made from; of others themselves. Final when they are stored, because their makers
  // stand before.
  std::vector<std::uint32_t> source_;
  std::vector<std::uint32_t> renamed_;  // of a source, the pinned name that its maker takes
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
  // First all new names, then the changes: the numbers borrow the names that stand there now.
  std::vector<std::pair<std::string*, std::string>> renamings;
  const auto rename = [&](std::string& tensor) {
    if (std::optional<std::string> name = bypass.new_name(tensor)) renamings.emplace_back(&tensor, std::move(*name));
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (dead[i]) continue;
    std::ranges::for_each(graph.nodes[i].inputs, rename);
    std::ranges::for_each(graph.nodes[i].outputs, rename);
  }
  for (auto& [place, name] : renamings) *place = std::move(name);
  remove_nodes(graph, dead);
  return changes;
}

void remove_nodes(Graph& graph, const std::vector<bool>& dead) {
  std::size_t index = 0;
  std::erase_if(graph.nodes, [&](const Node&) { return dead[index++]; });
}

}  // namespace arete::pass
