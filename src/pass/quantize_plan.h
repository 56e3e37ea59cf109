// Which nodes run on int8 and which tensors get a QuantizeLinear/DequantizeLinear pair. Inside pass/ only.
// Threads: pure.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "graph/model.h"
#include "graph/uses.h"

namespace arete::pass {

// What static quantisation does with an operator. One row an operator; see quantize_plan.cpp.
enum class QuantizeRole : std::uint8_t {
  kWeighted,     // Conv, Gemm, MatMul with constant weights: seeds the integer region
  kElementwise,  // joins when all its activations are already int8; its result gets its own range
  kPassThrough,  // moves elements: its result keeps its input's scale
};

struct QuantizePlan {
  std::set<std::size_t> weighted;                          // node indices
  std::set<std::size_t> integer_nodes;                     // all nodes that read dequantised tensors
  std::vector<std::string> tensors;                        // that get a pair, in order of appearance
  std::map<std::string, std::string, std::less<>> source;  // tensor -> the tensor whose range it takes
};

QuantizePlan plan_static(const graph::Model& model, const graph::Uses& uses);

// True for MatMul and Gemm whose second input is a constant float32 matrix (and whose bias, if any,
// is constant), Conv likewise.
bool has_constant_weights(const graph::Node& node, const graph::Uses& uses);

// The axis of the weight along which output channels lie; nothing where there is none to speak of.
std::optional<std::size_t> channel_axis(const graph::Node& node, const Tensor& weight);

// kUnsupported "nothing to quantise: the model has no <what>", and that nobody looked into its If, Loop and Scan.
Error nothing_to_quantise(const graph::Graph& graph, const std::string& what);

}  // namespace arete::pass
