// MatMul(x, W)          ->  x, s_x, z_x = DynamicQuantizeLinear(x)
// Gemm(x, W, b)             y = Cast(MatMulInteger(x_q, W_q, z_x)) * (s_x * s_W) (+ b)
// The form that ONNX Runtime fuses into DynamicQuantizeMatMul. Weights int8, a scale a column.
#include "graph/uses.h"
#include "pass/quantize.h"
#include "pass/quantize_plan.h"
#include "pass/quantize_tensor.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Node;
using graph::Uses;

constexpr int kWeightBits = 8;
constexpr std::int64_t kOnnxFloat = 1;  // TensorProto.FLOAT, for Cast

Node make_node(std::string op_type, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  Node node;
  node.op_type = std::move(op_type);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

// [n, k] -> [k, n], times alpha: Gemm's B as MatMulInteger wants it.
Tensor as_columns(const Tensor& weight, bool transposed, float alpha) {
  const std::span<const float> from = weight.data<float>();
  const std::int64_t rows = weight.shape()[0];
  const std::int64_t columns = weight.shape()[1];
  std::vector<float> to(from.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      const std::int64_t at = transposed ? c * rows + r : r * columns + c;
      to[static_cast<std::size_t>(at)] = from[static_cast<std::size_t>(r * columns + c)] * alpha;
    }
  }
  return Tensor::of<float>(transposed ? Shape{columns, rows} : weight.shape(), std::span<const float>(to));
}

class DynamicQuantizer {
 public:
  explicit DynamicQuantizer(graph::Model& model) : graph_(model.graph), uses_(model.graph), names_(model.graph) {}

  Result<QuantizeReport> run() {
    std::vector<Node> nodes;
    for (const Node& node : graph_.nodes) {
      const bool takes = (node.is("MatMul") || node.is("Gemm")) && has_constant_weights(node, uses_);
      if (takes) {
        RETURN_IF_ERROR(rewrite(node, nodes));
      } else {
        nodes.push_back(node);
      }
    }
    graph_.nodes = std::move(nodes);
    for (graph::Weight& weight : fresh_) graph_.weights.push_back(std::move(weight));
    return report_;
  }

 private:
  std::string add_weight(const std::string& wish, Tensor tensor) {
    fresh_.push_back({names_.make(wish), std::move(tensor), ""});
    return fresh_.back().name;
  }

  // One DynamicQuantizeLinear serves every reader of a tensor: {quantised, scale, zero point}.
  const std::vector<std::string>& quantized(const std::string& tensor, std::vector<Node>& nodes) {
    auto [entry, fresh] = quantized_.try_emplace(tensor);
    if (fresh) {
      entry->second = {names_.make("q"), names_.make("s"), names_.make("z")};
      nodes.push_back(make_node("DynamicQuantizeLinear", {tensor}, entry->second));
    }
    return entry->second;
  }

  Status rewrite(const Node& node, std::vector<Node>& nodes) {
    const bool gemm = node.is("Gemm");
    const bool transposed = gemm && node.int_or("transB", 0) != 0;
    const Tensor weight =
        as_columns(*uses_.constant(node.inputs[1]), transposed, gemm ? node.float_or("alpha", 1.0F) : 1.0F);
    RETURN_IF_ERROR(check_finite(weight.data<float>(), node.inputs[1]));
    QuantizedWeight columns = quantize_weight(weight, 1, kWeightBits);
    const std::vector<std::string> x = quantized(node.inputs[0], nodes);
    const std::string values = add_weight("w", std::move(columns.values));
    const auto count = static_cast<std::int64_t>(columns.scale.size());
    const std::string scales = add_weight("s", Tensor::of<float>({count}, std::span<const float>(columns.scale)));
    const std::string zeros = add_weight("z", Tensor::scalar<std::int8_t>(0));
    const bool has_bias = gemm && node.inputs.size() > 2 && !node.inputs[2].empty();
    const std::string sum = names_.make("i");
    const std::string as_float = names_.make("f");
    const std::string scale = names_.make("m");
    const std::string product = has_bias ? names_.make("p") : node.outputs[0];
    nodes.push_back(make_node("MatMulInteger", {x[0], values, x[2], zeros}, {sum}));
    nodes.push_back(make_node("Cast", {sum}, {as_float}));
    nodes.back().set("to", kOnnxFloat);
    nodes.push_back(make_node("Mul", {x[1], scales}, {scale}));
    nodes.push_back(make_node("Mul", {as_float, scale}, {product}));
    if (has_bias) nodes.push_back(make_node("Add", {product, bias_of(node)}, {node.outputs[0]}));
    ++report_.nodes;
    ++report_.weights;
    return {};
  }

  std::string bias_of(const Node& gemm) {
    const float beta = gemm.float_or("beta", 1.0F);
    if (beta == 1.0F && uses_.is_weight(gemm.inputs[2])) return gemm.inputs[2];
    Tensor bias = *uses_.constant(gemm.inputs[2]);
    for (float& value : bias.mutable_data<float>()) value *= beta;
    return add_weight("b", std::move(bias));
  }

  graph::Graph& graph_;
  const Uses uses_;
  graph::NameMaker names_;
  std::map<std::string, std::vector<std::string>, std::less<>> quantized_;
  std::vector<graph::Weight> fresh_;
  QuantizeReport report_;
};

}  // namespace

Result<QuantizeReport> quantize_dynamic(graph::Model& model) {
  DynamicQuantizer quantizer(model);
  ASSIGN_OR_RETURN(const QuantizeReport report, quantizer.run());
  if (report.nodes == 0) return nothing_to_quantise(model.graph, "Gemm or MatMul with constant float32 weights");
  model.graph.values.clear();
  remove_dead_code(model.graph);
  return report;
}

}  // namespace arete::pass
