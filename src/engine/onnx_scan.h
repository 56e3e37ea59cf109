// OnnxScan: the few facts about an .onnx file that an engine must know before it opens it, read
// straight from the protobuf bytes: op types, external files, the declared inputs and outputs.
//
// Not for: understanding a model (that is graph/), or judging it: what is skipped is not checked.
// Threads: a pure function. Ownership: the result owns all its text.
// Limits: kMaxScanDepth subgraphs inside one another, kMaxScanRows names. No recursion; weights are
// skipped, not read.
// Spec: onnx/onnx-ml.proto3; protobuf.dev/programming-guides/encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include "core/result.h"

namespace arete::engine {

inline constexpr int kMaxScanDepth = 40;  // protobuf's own limit of 100 messages allows 33
inline constexpr std::size_t kMaxScanRows = 1'000'000;

// A graph input or output as the file declares it.
struct DeclaredValue {
  int elem_type = 0;  // TensorProto.DataType; 0: no dense tensor
  bool has_shape = false;
};

struct OnnxScan {
  // How often each op type stands in the graph, its subgraphs and the model's functions. Ops of
  // other domains than ONNX's own are under their bare name too.
  std::map<std::string, std::int64_t, std::less<>> ops;
  // The files that weights lie in, as the model words them (relative to the model's folder).
  std::set<std::string, std::less<>> external_files;
  bool has_external_below = false;                           // some of them of subgraphs or functions
  std::map<std::string, DeclaredValue, std::less<>> values;  // inputs and outputs of the main graph
  bool has_4_bit_weights = false;
};

// kCorrupt when the bytes are no protobuf or hold no graph, kExhausted past kMaxScanDepth.
Result<OnnxScan> scan_onnx(std::span<const std::byte> model);

// True when the model dequantises something and never quantises an activation.
bool dequantises_weights_only(const OnnxScan& scan);

}  // namespace arete::engine
