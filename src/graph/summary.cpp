#include "graph/summary.h"

#include <algorithm>
#include <unordered_map>

#include "graph/official.h"

namespace arete::graph {
namespace {

using Shapes = std::unordered_map<std::string, Shape>;

// Known shapes of all tensors, dynamic axes as 1.
Shapes known_shapes(const Graph& graph) {
  Shapes shapes;
  const auto add = [&](const Value& value) {
    if (!value.type.is_tensor() || !value.type.has_shape) return;
    Shape shape = value.type.shape();
    for (std::int64_t& size : shape) size = size < 0 ? 1 : size;
    shapes[value.name] = std::move(shape);
  };
  for (const Value& value : graph.inputs) add(value);
  for (const Value& value : graph.values) add(value);
  for (const Value& value : graph.outputs) add(value);
  for (const Weight& weight : graph.weights) shapes[weight.name] = weight.tensor.shape();
  return shapes;
}

const Shape* shape_of(const Shapes& shapes, const Node& node, bool output, std::size_t index) {
  const std::vector<std::string>& names = output ? node.outputs : node.inputs;
  if (index >= names.size()) return nullptr;
  const auto found = shapes.find(names[index]);
  return found == shapes.end() ? nullptr : &found->second;
}

// Saturates instead of overflowing: hostile shapes must not crash a count.
std::int64_t product(const Shape& shape, std::size_t from) {
  std::int64_t result = 1;
  for (std::size_t i = from; i < shape.size(); ++i) {
    if (__builtin_mul_overflow(result, shape[i], &result)) return INT64_MAX;
  }
  return result;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? INT64_MAX : result;
}

enum class MacRule { kConv, kConvTranspose, kMatMul, kRecurrent };
struct MacRow {
  std::string_view op;
  MacRule rule;
  std::size_t data_input;
  std::size_t weight_input;
};
constexpr MacRow kMacRows[] = {
    {"Conv", MacRule::kConv, 0, 1},
    {"ConvInteger", MacRule::kConv, 0, 1},
    {"QLinearConv", MacRule::kConv, 0, 3},
    {"ConvTranspose", MacRule::kConvTranspose, 0, 1},
    {"Gemm", MacRule::kMatMul, 0, 1},
    {"MatMul", MacRule::kMatMul, 0, 1},
    {"MatMulInteger", MacRule::kMatMul, 0, 1},
    {"QLinearMatMul", MacRule::kMatMul, 0, 3},
    {"QGemm", MacRule::kMatMul, 0, 3},
    {"LSTM", MacRule::kRecurrent, 0, 1},
    {"GRU", MacRule::kRecurrent, 0, 1},
    {"RNN", MacRule::kRecurrent, 0, 1},
};
constexpr std::string_view kUncounted[] = {"Einsum", "Attention", "MultiHeadAttention", "GroupQueryAttention"};

// Nothing when a needed shape is unknown; 0 for an operator that does not multiply.
std::optional<std::int64_t> macs_of(const Node& node, const Shapes& shapes) {
  for (const MacRow& row : kMacRows) {
    if (node.op_type != row.op) continue;
    const Shape* data = shape_of(shapes, node, false, row.data_input);
    const Shape* weight = shape_of(shapes, node, false, row.weight_input);
    const Shape* output = shape_of(shapes, node, true, 0);
    if (weight == nullptr || weight->empty()) return std::nullopt;
    if (row.rule == MacRule::kConv && output != nullptr) return times(product(*output, 0), product(*weight, 1));
    if (row.rule == MacRule::kConvTranspose && data != nullptr) return times(product(*data, 0), product(*weight, 1));
    if (row.rule == MacRule::kRecurrent) {
      // X [T,B,I], W [D,gates*H,I], R [D,gates*H,H]: every step of every sequence takes both matrices whole.
      const Shape* recurrence = shape_of(shapes, node, false, 2);
      if (data == nullptr || data->size() != 3 || recurrence == nullptr) return std::nullopt;
      const std::int64_t steps = times((*data)[0], (*data)[1]);
      std::int64_t total = 0;
      const bool over =
          __builtin_add_overflow(times(steps, product(*weight, 0)), times(steps, product(*recurrence, 0)), &total);
      return over ? INT64_MAX : total;
    }
    if (row.rule != MacRule::kMatMul || output == nullptr) return std::nullopt;
    const bool transposed = node.op_type == "Gemm" && node.int_or("transB", 0) != 0;
    const std::size_t inner = transposed || weight->size() == 1 ? weight->size() - 1 : weight->size() - 2;
    return times(product(*output, 0), (*weight)[inner]);
  }
  return 0;
}

bool multiplies(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) {
    const auto is_this = [&](const auto& row) { return node.op_type == row.op; };
    if (std::ranges::any_of(kMacRows, is_this) || std::ranges::count(kUncounted, node.op_type) > 0) return true;
    return std::ranges::any_of(subgraphs_of(node), [](const Graph* sub) { return multiplies(*sub); });
  });
}

// Of the nodes of a graph, those that multiply and that macs_of() does not count.
std::set<std::string> uncounted_ops(const Graph& graph) {
  std::set<std::string> found;
  for (const Node& node : graph.nodes) {
    const bool inside = std::ranges::any_of(subgraphs_of(node), [](const Graph* sub) { return multiplies(*sub); });
    if (inside || std::ranges::count(kUncounted, node.op_type) > 0) found.insert(node.op_type);
  }
  return found;
}

void count(const Graph& graph, Summary& summary) {
  for (const Weight& weight : graph.weights) {
    summary.parameters += weight.tensor.size();
    summary.weight_bytes += weight.tensor.size_bytes();
  }
  for (const Node& node : graph.nodes) {
    ++summary.nodes;
    ++summary.ops[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
    for (const Attribute& attribute : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&attribute.value); tensor != nullptr && node.is("Constant")) {
        summary.parameters += tensor->size();
        summary.weight_bytes += tensor->size_bytes();
      }
    }
    for (const Graph* sub : subgraphs_of(node)) count(*sub, summary);
  }
}

}  // namespace

Summary summarise(const Model& model) {
  Summary summary;
  count(model.graph, summary);
  summary.uncounted = uncounted_ops(model.graph);
  const Model inferred = infer_shapes(model);
  const Shapes shapes = known_shapes(inferred.graph);
  std::int64_t total = 0;
  for (const Node& node : inferred.graph.nodes) {
    const std::optional<std::int64_t> macs = macs_of(node, shapes);
    if (!macs) return summary;
    if (__builtin_add_overflow(total, *macs, &total)) total = INT64_MAX;
  }
  summary.macs = total;
  return summary;
}

std::string_view precision_of(const Model& model) {
  constexpr std::string_view kQuantised[] = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
                                             "QLinearConv",    "QLinearMatMul",    "MatMulInteger",
                                             "ConvInteger"};
  Summary summary;
  count(model.graph, summary);
  for (const std::string_view op : kQuantised) {
    if (summary.ops.contains(std::string(op))) return "int8";
  }
  std::map<DType, std::size_t> bytes;
  for (const Weight& weight : model.graph.weights) bytes[weight.tensor.dtype()] += weight.tensor.size_bytes();
  const std::size_t single = bytes[DType::kFloat32] + bytes[DType::kFloat64];
  if (bytes[DType::kFloat16] > std::max(single, bytes[DType::kBfloat16])) return "fp16";
  return bytes[DType::kBfloat16] > single ? "bf16" : "fp32";
}

bool takes_scales_from_input(const Model& model) {
  Summary summary;
  count(model.graph, summary);
  return std::ranges::any_of(summary.ops, [](const auto& op) {
    return op.first.substr(op.first.rfind('.') + 1).starts_with("DynamicQuantize");
  });
}

bool is_matmul_dominated(const Model& model) {
  const Shapes shapes = known_shapes(infer_shapes(model).graph);
  std::int64_t matmul = 0;
  std::int64_t conv = 0;
  std::int64_t matmul_elements = 0;
  std::int64_t conv_elements = 0;
  bool known = true;
  for (const Node& node : model.graph.nodes) {
    const bool dense = node.is("MatMul") || node.is("Gemm");
    if (!dense && !node.is("Conv") && !node.is("ConvTranspose")) continue;
    const std::optional<std::int64_t> macs = macs_of(node, shapes);
    const Shape* weight = shape_of(shapes, node, false, 1);
    const std::int64_t elements = weight == nullptr ? 0 : product(*weight, 0);
    known &= macs.has_value();
    std::int64_t& work = dense ? matmul : conv;
    std::int64_t& size = dense ? matmul_elements : conv_elements;
    if (__builtin_add_overflow(work, macs.value_or(0), &work)) work = INT64_MAX;
    if (__builtin_add_overflow(size, elements, &size)) size = INT64_MAX;
  }
  return known ? matmul > conv : matmul_elements > conv_elements;
}

}  // namespace arete::graph
