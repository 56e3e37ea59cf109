// Writes the QuantizeLinear/DequantizeLinear pairs that quantize_plan asks for.
#include <cmath>

#include "graph/uses.h"
#include "pass/quantize.h"
#include "pass/quantize_plan.h"
#include "pass/quantize_tensor.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Graph;
using graph::Node;
using graph::Uses;

Node make_node(std::string op_type, std::vector<std::string> inputs, std::string output) {
  Node node;
  node.op_type = std::move(op_type);
  node.inputs = std::move(inputs);
  node.outputs = {std::move(output)};
  return node;
}

Result<Range> find_range(const Ranges& ranges, const std::string& tensor) {
  const auto found = ranges.find(tensor);
  if (found == ranges.end()) return Error{Code::kInvalid, "no calibration range for tensor '" + tensor + "'"};
  if (!std::isfinite(found->second.min) || !std::isfinite(found->second.max)) {
    return Error{
        Code::kInvalid,
        "tensor '" + tensor + "' took infinite or NaN values during calibration; look at the samples or the model"};
  }
  return found->second;
}

std::vector<float> floats_of(const Tensor& tensor) {
  const std::span<const float> data = tensor.data<float>();
  return {data.begin(), data.end()};
}

class Quantizer {
 public:
  Quantizer(graph::Model& model, const Ranges& ranges, const StaticOptions& options)
      : graph_(model.graph),
        uses_(model.graph),
        names_(model.graph),
        plan_(plan_static(model, uses_)),
        ranges_(ranges),
        options_(options) {}

  Result<QuantizeReport> run() {
    if (plan_.weighted.empty())
      return nothing_to_quantise(graph_, "Conv, Gemm or MatMul with constant float32 weights");
    RETURN_IF_ERROR(make_activation_parameters());
    std::vector<Node> nodes;
    for (const graph::Value& input : graph_.inputs) add_pair(input.name, nodes);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node node = graph_.nodes[i];
      RETURN_IF_ERROR(rewrite(i, node, nodes));
      const std::vector<std::string> outputs = node.outputs;
      rename_pinned_outputs(node);
      nodes.push_back(std::move(node));
      for (const std::string& output : outputs) add_pair(output, nodes);
    }
    graph_.nodes = std::move(nodes);
    for (graph::Weight& weight : fresh_) graph_.weights.push_back(std::move(weight));
    report_.nodes = static_cast<int>(plan_.weighted.size());
    return report_;
  }

 private:
  struct Parameters {
    float scale = 1;
    std::string scale_name;
    std::string zero_name;
  };

  Status make_activation_parameters() {
    for (const std::string& tensor : plan_.tensors) {
      const std::string& source = plan_.source.at(tensor);
      if (parameters_.contains(source)) continue;
      ASSIGN_OR_RETURN(const Range range, find_range(ranges_, source));
      const ActivationParameters found = activation_parameters(range);
      Parameters parameters{found.scale, add_weight("s", Tensor::scalar<float>(found.scale)),
                            add_weight("z", Tensor::scalar<std::uint8_t>(found.zero_point))};
      parameters_.emplace(source, std::move(parameters));
    }
    return {};
  }

  const Parameters& parameters_of(const std::string& tensor) const { return parameters_.at(plan_.source.at(tensor)); }

  // Short names: in a small model they weigh as much as the scales.
  std::string add_weight(const std::string& wish, Tensor tensor) {
    fresh_.push_back({names_.make(wish), std::move(tensor), ""});
    return fresh_.back().name;
  }

  bool is_input(const std::string& tensor) const { return uses_.maker_index(tensor) == SIZE_MAX; }

  // Behind the maker of a planned tensor: tensor -> QuantizeLinear -> DequantizeLinear -> readers.
  void add_pair(const std::string& tensor, std::vector<Node>& nodes) {
    if (!plan_.source.contains(tensor)) return;
    const Parameters& parameters = parameters_of(tensor);
    const bool pinned = uses_.pinned(tensor) && !is_input(tensor);
    const std::string quantized = names_.make("q");
    const std::string restored = pinned ? tensor : names_.make("d");
    const std::string from = pinned ? renamed_.at(tensor) : tensor;
    nodes.push_back(make_node("QuantizeLinear", {from, parameters.scale_name, parameters.zero_name}, quantized));
    nodes.push_back(make_node("DequantizeLinear", {quantized, parameters.scale_name, parameters.zero_name}, restored));
    restored_[tensor] = restored;
  }

  // The model's outputs keep their names: the pair's result takes it, the float before gets another.
  void rename_pinned_outputs(Node& node) {
    for (std::string& output : node.outputs) {
      if (!plan_.source.contains(output) || !uses_.pinned(output)) continue;
      renamed_[output] = names_.make(output + "_float");
      output = renamed_[output];
    }
  }

  Status rewrite(std::size_t index, Node& node, std::vector<Node>& nodes) {
    for (std::string& input : node.inputs) {
      const auto found = restored_.find(input);
      // A float reader of a model input reads the input itself: the pair would cost it accuracy.
      const bool takes = found != restored_.end() && (plan_.integer_nodes.contains(index) || !is_input(input));
      if (takes) input = found->second;
    }
    if (!plan_.weighted.contains(index)) return {};
    return rewrite_weights(graph_.nodes[index], node, nodes);
  }

  Status rewrite_weights(const Node& original, Node& node, std::vector<Node>& nodes) {
    Tensor weight = *uses_.constant(original.inputs[1]);
    const bool has_bias = original.inputs.size() > 2 && !original.inputs[2].empty();
    std::vector<float> bias = has_bias ? floats_of(*uses_.constant(original.inputs[2])) : std::vector<float>();
    if (node.is("Gemm")) fold_alpha_beta(node, weight, bias);
    RETURN_IF_ERROR(check_finite(weight.data<float>(), original.inputs[1]));
    if (has_bias) RETURN_IF_ERROR(check_finite(bias, original.inputs[2]));
    const std::optional<std::size_t> channels = channel_axis(original, weight);
    const std::optional<std::size_t> axis = options_.per_channel ? channels : std::nullopt;
    const float scale_x = parameters_of(original.inputs[0]).scale;
    const std::size_t scales = axis ? static_cast<std::size_t>(weight.shape()[*axis]) : 1;
    QuantizedWeight quantized =
        quantize_weight(weight, axis, options_.weight_bits, least_weight_scales(bias, scale_x, scales));
    // ONNX Runtime forms QGemm only with zero points, QLinearConv without.
    const bool zero_points = !node.is("Conv");
    if (has_bias) node.inputs[2] = add_bias(bias, scale_x, quantized.scale, zero_points, nodes);
    node.inputs[1] = add_dequantized(std::move(quantized), axis, zero_points, nodes);
    ++report_.weights;
    return {};
  }

  // QGemm takes alpha and beta of 1 alone.
  static void fold_alpha_beta(Node& node, Tensor& weight, std::vector<float>& bias) {
    const float alpha = node.float_or("alpha", 1.0F);
    const float beta = node.float_or("beta", 1.0F);
    if (alpha != 1.0F) {
      for (float& value : weight.mutable_data<float>()) value *= alpha;
    }
    for (float& value : bias) value *= beta;
    std::erase_if(node.attributes, [](const graph::Attribute& a) { return a.name == "alpha" || a.name == "beta"; });
  }

  std::string add_scales(const std::vector<float>& scale, bool vector) {
    if (!vector) return add_weight("s", Tensor::scalar<float>(scale[0]));
    return add_weight("s", Tensor::of<float>({static_cast<std::int64_t>(scale.size())}, std::span<const float>(scale)));
  }

  template <class T>
  std::string add_zeros(std::size_t count, bool vector) {
    const std::vector<T> zeros(count, 0);
    return add_weight("z", vector ? Tensor::of<T>({static_cast<std::int64_t>(count)}, std::span<const T>(zeros))
                                  : Tensor::scalar<T>(0));
  }

  std::string add_dequantized(QuantizedWeight weight, std::optional<std::size_t> axis, bool zero_points,
                              std::vector<Node>& nodes) {
    const std::string values = add_weight("w", std::move(weight.values));
    std::vector<std::string> inputs = {values, add_scales(weight.scale, axis.has_value())};
    if (zero_points) inputs.push_back(add_zeros<std::int8_t>(weight.scale.size(), axis.has_value()));
    Node node = make_node("DequantizeLinear", std::move(inputs), names_.make("d"));
    if (axis && *axis != 1) node.set("axis", static_cast<std::int64_t>(*axis));
    nodes.push_back(std::move(node));
    return nodes.back().outputs[0];
  }

  std::string add_bias(const std::vector<float>& bias, float scale_x, const std::vector<float>& scale_w,
                       bool zero_points, std::vector<Node>& nodes) {
    const bool vector = scale_w.size() > 1;
    std::vector<float> scale;
    for (const float s : scale_w) scale.push_back(s * scale_x);
    std::vector<std::string> inputs = {add_weight("b", quantize_bias(bias, scale_x, scale_w)),
                                       add_scales(scale, vector)};
    if (zero_points) inputs.push_back(add_zeros<std::int32_t>(scale.size(), vector));
    Node node = make_node("DequantizeLinear", std::move(inputs), names_.make("d"));
    if (vector) node.set("axis", std::int64_t{0});
    nodes.push_back(std::move(node));
    return nodes.back().outputs[0];
  }

  Graph& graph_;
  const Uses uses_;
  graph::NameMaker names_;
  const QuantizePlan plan_;
  const Ranges& ranges_;
  const StaticOptions& options_;
  std::map<std::string, Parameters, std::less<>> parameters_;  // by source tensor
  std::map<std::string, std::string, std::less<>> restored_;   // tensor -> its dequantised name
  std::map<std::string, std::string, std::less<>> renamed_;    // pinned tensor -> its float name
  std::vector<graph::Weight> fresh_;
  QuantizeReport report_;
};

}  // namespace

Result<QuantizeReport> quantize_static(graph::Model& model, const Ranges& ranges, const StaticOptions& options) {
  if (model.opset() < kQuantizeOpset) return Error{Code::kBug, "quantize_static needs opset 13"};
  // A name that another tensor had before would be kept; start from a clean list of names.
  Quantizer quantizer(model, ranges, options);
  ASSIGN_OR_RETURN(const QuantizeReport report, quantizer.run());
  model.graph.values.clear();  // types of tensors that changed meaning
  remove_dead_code(model.graph);
  return report;
}

}  // namespace arete::pass
