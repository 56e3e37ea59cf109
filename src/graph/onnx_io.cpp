#include "graph/onnx_io.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <new>

#include "graph/proto.h"
#include "graph/text.h"
#include "graph/wire_scan.h"

namespace arete::graph {
namespace {

std::uint64_t weight_bytes_of(const Graph& graph) {
  std::uint64_t bytes = 0;
  for (const Weight& weight : graph.weights) bytes += weight.tensor.size_bytes();
  return bytes;
}

Error not_a_model(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {Code::kCorrupt, "the file is empty"};
  if (looks_like_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
    return {Code::kUnsupported, "this is a text graph; make an .onnx of it with `arete convert`"};
  return {Code::kCorrupt, "this is no ONNX model, or it is cut short (" + std::to_string(bytes.size()) +
                              " bytes); export it again or copy it in binary mode"};
}

}  // namespace

Result<ReadModel> read_onnx(std::span<const std::byte> bytes, const ReadOptions& options) {
  if (bytes.size() > INT32_MAX) {
    return Error{Code::kUnsupported,
                 "the file is over 2 GiB, the limit of ONNX files; save the weights as external data"};
  }
  if (bytes.empty()) return not_a_model(bytes);
  const Status limits = scan_limits(bytes);
  if (!limits) return limits.error().code == Code::kCorrupt ? not_a_model(bytes) : limits.error();
  try {
    onnx::ModelProto proto;
    if (!parse_bytes(bytes, proto)) return not_a_model(bytes);
    // Random bytes often parse as unknown fields; a model has a graph and says which operators it uses.
    if (!proto.has_graph() || (proto.opset_import_size() == 0 && proto.ir_version() == 0)) return not_a_model(bytes);
    ASSIGN_OR_RETURN(FromProto read, from_proto(std::move(proto), options));
    return ReadModel{std::move(read.model), std::move(read.frozen_inputs), std::move(read.external_files)};
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "not enough memory to read the model"};
  }
}

std::uint64_t weight_bytes(const Model& model) { return weight_bytes_of(model.graph); }

Result<WrittenModel> write_onnx(const Model& model, const WriteOptions& options) {
  if (options.external_location.empty() && weight_bytes(model) > kMaxInlineBytes) {
    return Error{Code::kExhausted, "the weights are over 2 GB: they need a file of their own (external data)"};
  }
  WrittenModel written;
  const onnx::ModelProto proto = to_proto(model, {std::nullopt, options}, &written.external_parts);
  if (proto.ByteSizeLong() > INT32_MAX) return Error{Code::kExhausted, "the model is over 2 GiB"};
  google::protobuf::io::StringOutputStream array(&written.bytes);
  google::protobuf::io::CodedOutputStream stream(&array);
  stream.SetSerializationDeterministic(true);
  if (!proto.SerializeToCodedStream(&stream)) return Error{Code::kBug, "the model cannot be serialised"};
  stream.Trim();
  return written;
}

}  // namespace arete::graph
