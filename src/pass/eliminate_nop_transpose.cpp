// Transpose(x) {perm=[0,1,...]} -> x.
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

bool moves_nothing(const graph::Node& node) {
  // Without a perm the axes are reversed, which is something unless the rank is 0 or 1.
  const std::vector<std::int64_t> perm = node.ints_or("perm", {});
  if (perm.empty()) return false;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

}  // namespace

Result<int> eliminate_nop_transpose(graph::Model& model, const PassContext& context) {
  return bypass_nodes(model.graph, context.gate,
                      [](const graph::Node& node) { return node.is("Transpose") && moves_nothing(node); });
}

}  // namespace arete::pass
