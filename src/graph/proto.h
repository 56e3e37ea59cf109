// Model <-> the official library's messages. Inside graph/ only: with tensor_proto.h the one header
// of this room that knows third-party types, included by the .cpp files that call the library.
// Threads: pure.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "graph/model.h"
#include "graph/onnx_io.h"

namespace arete::graph {

// A nested graph takes three message levels (node, attribute, graph). The limit holds wherever we
// parse: what could be read as part of a file must also be readable alone.
inline constexpr int kProtoRecursionLimit = 4 * kMaxSubgraphDepth + 40;
bool parse_bytes(std::span<const std::byte> bytes, google::protobuf::MessageLite& message);
inline bool parse_bytes(const std::string& bytes, google::protobuf::MessageLite& message) {
  return parse_bytes(std::as_bytes(std::span(bytes)), message);
}

struct ToProtoOptions {
  // For the official checker, shape inference and version converter, which copy and scan what they are
  // given and are not made for hostile input: weights of the main graph over this size become typed
  // inputs, and so do sparse ones; what only travels (documentation, metadata, training) is left out.
  std::optional<std::size_t> max_weight_bytes;
  WriteOptions write;
};

struct FromProto {
  Model model;
  std::vector<std::string> frozen_inputs;
  std::map<std::string, std::uint64_t> external_files;
};

// Consumes the message (weights move out of it).
Result<FromProto> from_proto(onnx::ModelProto&& proto, const ReadOptions& options);
onnx::ModelProto to_proto(const Model& model, const ToProtoOptions& options, std::vector<SharedBytes>* external_parts);

ValueType type_from_proto(onnx::TypeProto proto);
// "sequence(float32[N])": a type that a ValueType only carries.
std::string opaque_type_text(const std::string& type_bytes);

// A function's body as a model of its own: its operator sets, its inputs and outputs by name, its nodes.
Result<Model> function_body(const OpaqueFunction& function);

}  // namespace arete::graph
