// Large float32 weights become int8 behind a DequantizeLinear. The engine unpacks them when it
// loads the model, so the file is small and the arithmetic and its speed are those of float.
#include <algorithm>
#include <array>

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
constexpr std::int64_t kMinElements = 256;  // below, scale and node weigh as much as the gain

struct WeightRow {
  std::string_view op;
  std::size_t first_weight_input;
  std::size_t last_weight_input;
};

// Which inputs of which operators are weights worth packing.
constexpr std::array<WeightRow, 8> kRows = {{{"Conv", 1, 1},
                                             {"ConvTranspose", 1, 1},
                                             {"Gemm", 1, 1},
                                             {"MatMul", 0, 1},
                                             {"Gather", 0, 0},
                                             {"LSTM", 1, 2},
                                             {"GRU", 1, 2},
                                             {"RNN", 1, 2}}};

// The axis that gets a scale a slice: output channels; rows of an embedding; gates of a recurrent cell.
std::optional<std::size_t> scale_axis(const Node& node, const Tensor& weight) {
  if (node.is("Gather")) return 0;
  if (node.is("LSTM") || node.is("GRU") || node.is("RNN")) return 1;
  if (node.is("ConvTranspose")) return 1;  // exact also with groups: any axis may carry the scales
  return channel_axis(node, weight);
}

}  // namespace

Result<QuantizeReport> quantize_weights(graph::Model& model) {
  graph::Graph& graph = model.graph;
  const Uses uses(graph);
  graph::NameMaker names(graph);
  QuantizeReport report;
  std::vector<graph::Weight> fresh;
  std::vector<Node> unpack;
  std::map<std::string, std::string> packed;  // weight -> its unpacked name
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const auto* row = node.domain.empty() ? std::ranges::find(kRows, node.op_type, &WeightRow::op) : kRows.end();
    if (row == kRows.end()) continue;
    bool touched = false;
    for (std::size_t input = row->first_weight_input; input <= row->last_weight_input && input < node.inputs.size();
         ++input) {
      const std::string& name = node.inputs[input];
      const Tensor* weight = uses.constant(name);
      if (weight == nullptr || weight->dtype() != DType::kFloat32 || weight->size() < kMinElements ||
          weight->shape().size() < 2)
        continue;
      touched = true;
      places.emplace_back(i, input);
      if (packed.contains(name)) continue;
      RETURN_IF_ERROR(check_finite(weight->data<float>(), name));
      const std::optional<std::size_t> axis = scale_axis(node, *weight);
      QuantizedWeight quantized = quantize_weight(*weight, axis, kWeightBits);
      const auto count = static_cast<std::int64_t>(quantized.scale.size());
      Node dequantize;
      dequantize.op_type = "DequantizeLinear";
      fresh.push_back({names.make("w"), std::move(quantized.values), ""});
      dequantize.inputs.push_back(fresh.back().name);
      fresh.push_back({names.make("s"),
                       axis ? Tensor::of<float>({count}, std::span<const float>(quantized.scale))
                            : Tensor::scalar<float>(quantized.scale[0]),
                       ""});
      dequantize.inputs.push_back(fresh.back().name);
      dequantize.outputs = {names.make("d")};
      if (axis && *axis != 1) dequantize.set("axis", static_cast<std::int64_t>(*axis));
      packed[name] = dequantize.outputs[0];
      unpack.push_back(std::move(dequantize));
      ++report.weights;
    }
    report.nodes += touched ? 1 : 0;
  }
  if (report.weights == 0)
    return nothing_to_quantise(graph, "float32 weights of " + std::to_string(kMinElements) + " elements or more");
  for (const auto& [node, input] : places) graph.nodes[node].inputs[input] = packed.at(graph.nodes[node].inputs[input]);
  graph.nodes.insert(graph.nodes.begin(), unpack.begin(), unpack.end());
  for (graph::Weight& weight : fresh) graph.weights.push_back(std::move(weight));
  remove_dead_code(model.graph);
  return report;
}

}  // namespace arete::pass
