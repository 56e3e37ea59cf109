// Add(Conv(x, W, b), c) with a constant c that holds one number a channel  ->  Conv(x, W, b + c).
#include <map>

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
  const Tensor* bias = nullptr;  // nullptr: none
  const Tensor* addend = nullptr;
};

Result<Tensor> add_bias(const Parts& parts) {
  const auto channels = static_cast<std::size_t>(parts.weight->shape()[0]);
  ASSIGN_OR_RETURN(const std::vector<double> addend, to_doubles(*parts.addend));
  std::vector<double> bias(channels, 0.0);
  if (parts.bias != nullptr) {
    ASSIGN_OR_RETURN(bias, to_doubles(*parts.bias));
  }
  if (bias.size() != channels || addend.empty())
    return Error{Code::kInvalid, "the bias has another length than the channels"};
  for (std::size_t c = 0; c < channels; ++c) bias[c] += addend.size() == 1 ? addend[0] : addend[c];
  return from_doubles(parts.weight->dtype(), {parts.weight->shape()[0]}, bias);
}

// One walk in running order over an unchanged graph; what is found is written at the end.
class Fusion {
 public:
  explicit Fusion(graph::Graph& graph) : graph_(graph), uses_(graph), dead_(graph.nodes.size(), false) {}

  int run(RewriteGate& gate) {
    int changes = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Parts parts;
      if (!matches(graph_.nodes[i], parts)) continue;
      Result<Tensor> bias = add_bias(parts);
      if (!bias || !gate.admit(graph_.nodes[i], i)) continue;
      into_[i] = parts.conv;
      fused_[parts.conv] = {i, std::move(*bias)};
      dead_[i] = true;
      ++changes;
    }
    if (changes > 0) write();
    return changes;
  }

 private:
  struct Fused {
    std::size_t last_add = 0;
    Tensor bias;
  };

  bool matches(const Node& add, Parts& parts) const {
    if (!add.is("Add") || add.inputs.size() != 2) return false;
    return matches_side(add, 0, parts) || matches_side(add, 1, parts);
  }

  // add = Conv at input `side` + constant at the other.
  bool matches_side(const Node& add, std::size_t side, Parts& parts) const {
    parts.addend = uses_.constant(add.inputs[1 - side]);
    if (parts.addend == nullptr || !uses_.single_reader(add.inputs[side])) return false;
    const std::size_t maker = uses_.maker_index(add.inputs[side]);
    if (maker == SIZE_MAX) return false;
    const auto merged = into_.find(maker);
    parts.conv = merged == into_.end() ? maker : merged->second;  // an Add that is part of its Conv by now
    const Node& conv = graph_.nodes[parts.conv];
    if (!conv.is("Conv")) return false;
    parts.weight = uses_.constant(conv.inputs[1]);
    if (parts.weight == nullptr || parts.weight->shape().empty() || !find_bias(conv, parts)) return false;
    if (parts.weight->dtype() != parts.addend->dtype()) return false;
    return is_per_channel(parts.addend->shape(), parts.weight->shape().size(), parts.weight->shape()[0]);
  }

  // False where the Conv has a bias that is not constant.
  bool find_bias(const Node& conv, Parts& parts) const {
    const auto fused = fused_.find(parts.conv);
    const bool has_bias = conv.inputs.size() > 2 && !conv.inputs[2].empty();
    parts.bias = fused != fused_.end() ? &fused->second.bias : has_bias ? uses_.constant(conv.inputs[2]) : nullptr;
    return parts.bias != nullptr || !has_bias;
  }

  void write() {
    graph::NameMaker names(graph_);
    for (auto& [index, fused] : fused_) {
      Node& conv = graph_.nodes[index];
      conv.inputs.resize(3);
      conv.inputs[2] = names.make(conv.inputs[1] + "_bias");
      conv.outputs[0] = graph_.nodes[fused.last_add].outputs[0];
      graph_.weights.push_back({conv.inputs[2], std::move(fused.bias), ""});
    }
    remove_nodes(graph_, dead_);
  }

  graph::Graph& graph_;
  const Uses uses_;
  std::map<std::size_t, Fused> fused_;       // Conv -> what it takes in
  std::map<std::size_t, std::size_t> into_;  // Add -> its Conv
  std::vector<bool> dead_;
};

}  // namespace

Result<int> fuse_add_bias_into_conv(graph::Model& model, const PassContext& context) {
  return Fusion(model.graph).run(context.gate);
}

}  // namespace arete::pass
