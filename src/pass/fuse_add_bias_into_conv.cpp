// Add(Conv(x, W, b), c) with a constant c that holds one number a channel  ->  Conv(x, W, b + c).
#include "graph/uses.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Node;
using graph::Uses;

// c broadcasts over [N, C, spatial...] as one number a channel: [C,1,..,1], [1,C,1,..,1] or a single number.
bool is_per_channel(const Shape& shape, std::size_t rank, std::int64_t channels) {
  if (shape.size() > rank) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t axis = rank - shape.size() + i;
    const bool fits = shape[i] == 1 || (axis == 1 && shape[i] == channels);
    if (!fits) return false;
  }
  return true;
}

struct Parts {
  std::size_t conv = 0;
  const Tensor* weight = nullptr;
  const Tensor* bias = nullptr;
  const Tensor* addend = nullptr;
};

bool matches(const graph::Graph& graph, const Uses& uses, std::size_t index, Parts& parts) {
  const Node& add = graph.nodes[index];
  if (!add.is("Add") || add.inputs.size() != 2) return false;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    parts.conv = uses.maker_index(add.inputs[side]);
    parts.addend = uses.constant(add.inputs[1 - side]);
    if (parts.conv == SIZE_MAX || parts.addend == nullptr || !uses.single_reader(add.inputs[side])) continue;
    const Node& conv = graph.nodes[parts.conv];
    if (!conv.is("Conv")) continue;
    parts.weight = uses.constant(conv.inputs[1]);
    const bool has_bias = conv.inputs.size() > 2 && !conv.inputs[2].empty();
    parts.bias = has_bias ? uses.constant(conv.inputs[2]) : nullptr;
    if (parts.weight == nullptr || parts.weight->shape().empty() || (has_bias && parts.bias == nullptr)) continue;
    if (parts.weight->dtype() != parts.addend->dtype()) continue;
    if (is_per_channel(parts.addend->shape(), parts.weight->shape().size(), parts.weight->shape()[0])) return true;
  }
  return false;
}

Result<Tensor> add_bias(const Parts& parts) {
  const auto channels = static_cast<std::size_t>(parts.weight->shape()[0]);
  ASSIGN_OR_RETURN(const std::vector<double> addend, to_doubles(*parts.addend));
  std::vector<double> bias(channels, 0.0);
  if (parts.bias != nullptr) {
    ASSIGN_OR_RETURN(bias, to_doubles(*parts.bias));
  }
  if (bias.size() != channels || addend.empty()) return Error{Code::kInvalid, "the bias has another length than the channels"};
  for (std::size_t c = 0; c < channels; ++c) bias[c] += addend.size() == 1 ? addend[0] : addend[c];
  return from_doubles(parts.weight->dtype(), {parts.weight->shape()[0]}, bias);
}

}  // namespace

Result<int> fuse_add_bias_into_conv(graph::Model& model) {
  graph::Graph& graph = model.graph;
  int changes = 0;
  std::vector<bool> dead(graph.nodes.size(), false);
  graph::NameMaker names(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!graph.nodes[i].is("Add")) continue;
    const Uses uses(graph);  // anew: the Conv before may have taken a bias just now
    Parts parts;
    if (!matches(graph, uses, i, parts)) continue;
    Result<Tensor> bias = add_bias(parts);
    if (!bias) continue;
    Node& conv = graph.nodes[parts.conv];
    conv.inputs.resize(3);
    conv.inputs[2] = names.make(conv.inputs[1] + "_bias");
    conv.outputs[0] = graph.nodes[i].outputs[0];
    graph.nodes[i].inputs.clear();
    graph.nodes[i].outputs.clear();
    dead[i] = true;
    graph.weights.push_back({conv.inputs[2], std::move(*bias), ""});
    ++changes;
  }
  remove_nodes(graph, dead);
  return changes;
}

}  // namespace arete::pass
