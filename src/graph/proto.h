// Model <-> the official library's ModelProto. Inside graph/ only: the one header of this room
// that knows third-party types, included by the .cpp files that call the library.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <string>

#include "core/result.h"
#include "graph/model.h"
#include "graph/onnx_io.h"

namespace arete::graph {

struct ToProtoOptions {
  // Larger weights become typed inputs instead: how models are handed to the official checker, shape
  // inference and version converter, which copy and scan what they are given.
  std::optional<std::size_t> max_weight_bytes;
  WriteOptions write;
};

struct FromProto {
  Model model;
  std::vector<std::string> frozen_inputs;
  bool has_external_data = false;
};

// Consumes the message (weights move out of it).
Result<FromProto> from_proto(onnx::ModelProto&& proto, const ReadOptions& options);
onnx::ModelProto to_proto(const Model& model, const ToProtoOptions& options, std::vector<SharedBytes>* external_parts);

ValueType type_from_proto(const onnx::TypeProto& proto);

}  // namespace arete::graph
