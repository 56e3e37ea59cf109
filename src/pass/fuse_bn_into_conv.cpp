// BatchNormalization(Conv(x, W, b), scale, B, mean, var)  ->  Conv(x, W', b') with
//   f = scale / sqrt(var + epsilon);  W' = W * f (along the output channels);  b' = (b - mean) * f + B.
// Computed in float64, rounded once to the weights' dtype.
#include <cmath>

#include "graph/uses.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Node;
using graph::Uses;

struct Parts {
  std::size_t conv = 0;
  const Tensor* weight = nullptr;
  const Tensor* bias = nullptr;  // nullptr: none
  const Tensor* bn[4] = {};      // scale, B, mean, var
};

bool matches(const graph::Graph& graph, const Uses& uses, std::size_t index, Parts& parts) {
  const Node& bn = graph.nodes[index];
  if (!bn.is("BatchNormalization") || bn.inputs.size() != 5 || bn.int_or("training_mode", 0) != 0) return false;
  for (std::size_t i = 1; i < bn.outputs.size(); ++i) {
    if (!bn.outputs[i].empty()) return false;
  }
  parts.conv = uses.maker_index(bn.inputs[0]);
  if (parts.conv == SIZE_MAX || !uses.single_reader(bn.inputs[0])) return false;
  const Node& conv = graph.nodes[parts.conv];
  if (!conv.is("Conv")) return false;
  parts.weight = uses.constant(conv.inputs[1]);
  const bool has_bias = conv.inputs.size() > 2 && !conv.inputs[2].empty();
  parts.bias = has_bias ? uses.constant(conv.inputs[2]) : nullptr;
  if (parts.weight == nullptr || parts.weight->shape().empty() || (has_bias && parts.bias == nullptr)) return false;
  const std::int64_t channels = parts.weight->shape()[0];
  if (parts.bias != nullptr && parts.bias->shape() != Shape{channels}) return false;
  for (std::size_t i = 0; i < 4; ++i) {
    parts.bn[i] = uses.constant(bn.inputs[i + 1]);
    if (parts.bn[i] == nullptr || parts.bn[i]->shape() != Shape{channels}) return false;
  }
  return true;
}

struct Folded {
  Tensor weight;
  Tensor bias;
};

Result<Folded> fold(const Parts& parts, double epsilon) {
  ASSIGN_OR_RETURN(std::vector<double> weight, to_doubles(*parts.weight));
  std::vector<double> bn[4];
  for (std::size_t i = 0; i < 4; ++i) {
    ASSIGN_OR_RETURN(bn[i], to_doubles(*parts.bn[i]));
  }
  std::vector<double> bias(bn[0].size(), 0.0);
  if (parts.bias != nullptr) {
    ASSIGN_OR_RETURN(bias, to_doubles(*parts.bias));
  }
  const std::size_t per_channel = bias.empty() ? 0 : weight.size() / bias.size();
  for (std::size_t c = 0; c < bias.size(); ++c) {
    const double factor = bn[0][c] / std::sqrt(bn[3][c] + epsilon);
    for (std::size_t i = 0; i < per_channel; ++i) weight[c * per_channel + i] *= factor;
    bias[c] = (bias[c] - bn[2][c]) * factor + bn[1][c];
    // A variance of 0 or below would make every answer NaN: leave the graph as it is.
    if (!std::isfinite(factor) || !std::isfinite(bias[c])) return Error{Code::kInvalid, "its variance is not positive"};
  }
  ASSIGN_OR_RETURN(Tensor new_weight, from_doubles(parts.weight->dtype(), parts.weight->shape(), weight));
  ASSIGN_OR_RETURN(Tensor new_bias, from_doubles(parts.weight->dtype(), {parts.weight->shape()[0]}, bias));
  return Folded{std::move(new_weight), std::move(new_bias)};
}

}  // namespace

Result<int> fuse_bn_into_conv(graph::Model& model, const PassContext& context) {
  graph::Graph& graph = model.graph;
  const std::size_t count = graph.nodes.size();
  std::vector<bool> dead(count, false);
  std::vector<graph::Weight> fresh;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;  // (conv, bn)
  {
    const Uses uses(graph);
    for (std::size_t i = 0; i < count; ++i) {
      Parts parts;
      if (!matches(graph, uses, i, parts)) continue;
      Result<Folded> folded = fold(parts, static_cast<double>(graph.nodes[i].float_or("epsilon", 1e-5F)));
      if (!folded || !context.gate.admit(graph.nodes[i], i)) continue;
      const std::string& old = graph.nodes[parts.conv].inputs[1];
      fresh.push_back({old + "_bn", std::move(folded->weight), ""});
      fresh.push_back({old + "_bn_bias", std::move(folded->bias), ""});
      pairs.emplace_back(parts.conv, i);
    }
  }
  if (pairs.empty()) return 0;
  graph::NameMaker names(graph);
  for (graph::Weight& weight : fresh) weight.name = names.make(std::move(weight.name));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Node& conv = graph.nodes[pairs[i].first];
    Node& bn = graph.nodes[pairs[i].second];
    conv.inputs.resize(3);
    conv.inputs[1] = fresh[2 * i].name;
    conv.inputs[2] = fresh[2 * i + 1].name;
    conv.outputs[0] = bn.outputs[0];
    dead[pairs[i].second] = true;
  }
  for (graph::Weight& weight : fresh) graph.weights.push_back(std::move(weight));
  remove_nodes(graph, dead);
  return static_cast<int>(pairs.size());
}

}  // namespace arete::pass
