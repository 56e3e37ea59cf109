// Post-training quantisation, first form: static int8 (QDQ), dynamic int8, int8 weights alone.
//
// Static: activations uint8 per tensor (asymmetric, the range always holds 0), weights int8
// symmetric, per output channel or per tensor, biases int32 at scale_x * scale_w. Written as
// QuantizeLinear/DequantizeLinear pairs, which the engine fuses into integer kernels; zero points of
// Conv weights and biases are left out, those of Gemm kept (without them ONNX Runtime forms no QGemm).
// The model must be in opset 13 or newer (per-channel needs it) and should have its batch
// normalisation folded first. Only float32 weights are quantised.
// Threads: pure. Source: Jacob et al. 2018 (arXiv 1712.05877) for the arithmetic.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/model.h"

namespace arete::pass {

inline constexpr std::int64_t kQuantizeOpset = 13;

// What was seen of a tensor during calibration.
struct Range {
  float min = 0;
  float max = 0;
};
using Ranges = std::map<std::string, Range, std::less<>>;

struct StaticOptions {
  bool per_channel = true;
  // 8, or 7 for x86 CPUs without VNNI, whose 8-bit products saturate in 16 bits.
  int weight_bits = 8;
};

struct QuantizeReport {
  int nodes = 0;    // Conv, Gemm, MatMul that now run on int8
  int weights = 0;  // weight tensors that became int8
};

// Tensors whose ranges quantize_static() needs. Empty: nothing to quantise.
std::vector<std::string> tensors_to_observe(const graph::Model& model);

// kUnsupported "nothing to quantise..." when no operator qualifies; kInvalid when a range is missing
// or not finite.
Result<QuantizeReport> quantize_static(graph::Model& model, const Ranges& ranges, const StaticOptions& options);

// MatMul and Gemm with constant weights: the activation's scale is computed at run time.
Result<QuantizeReport> quantize_dynamic(graph::Model& model);

// Every large float32 weight becomes int8 behind a DequantizeLinear; arithmetic stays float.
Result<QuantizeReport> quantize_weights(graph::Model& model);

// The model with, for each tensor, two scalar outputs: its smallest and largest element over one run
// (min_output and max_output name them). The model's own outputs are dropped, and with them what only
// they needed.
struct ObservedModel {
  graph::Model model;
  struct Pair {
    std::string tensor;
    std::string min_output;  // "": the tensor is never below 0 and its minimum is not looked for
    std::string max_output;
  };
  std::vector<Pair> pairs;
};
Result<ObservedModel> observe_ranges(const graph::Model& model, const std::vector<std::string>& tensors);

}  // namespace arete::pass
