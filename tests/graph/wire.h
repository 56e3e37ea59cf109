// Protobuf bytes by hand, for models that no library would write; and the way of bytes to a verified
// model, as the programs go it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/onnx_io.h"
#include "graph/text.h"
#include "graph/verifier.h"
#include "tests/support/assert.h"

namespace arete::test {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  do {
    bytes += static_cast<char>((value & 0x7FU) | (value > 0x7FU ? 0x80U : 0U));
    value >>= 7;
  } while (value != 0);
  return bytes;
}

inline std::string number(int field, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(static_cast<std::uint64_t>(value));
}

inline std::string bytes(int field, std::string_view content) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2U) + varint(content.size()) + std::string(content);
}

// Messages of onnx-ml.proto as far as tests need them.
inline std::string node(const std::string& op, std::initializer_list<std::string> inputs,
                        std::initializer_list<std::string> outputs, const std::string& more = "") {
  std::string content;
  for (const std::string& input : inputs) content += bytes(1, input);
  for (const std::string& output : outputs) content += bytes(2, output);
  return bytes(4, op) + content + more;
}
inline std::string attribute(const std::string& name, int type, const std::string& value) {
  return bytes(1, name) + value + number(20, type);
}
inline std::string tensor(const std::string& name, int dtype, const std::vector<std::int64_t>& dims,
                          const std::string& content) {
  std::string message;
  for (const std::int64_t dim : dims) message += number(1, dim);
  return message + number(2, dtype) + bytes(8, name) + content;
}
inline std::string float_value(const std::string& name, const std::vector<std::int64_t>& dims) {
  std::string shape;
  for (const std::int64_t dim : dims) shape += bytes(1, number(1, dim));
  return bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)));
}
// A model of one graph: `graph` is the content of its GraphProto.
inline std::string model(const std::string& graph, int opset = 17) {
  return number(1, 8) + bytes(8, number(2, opset)) + bytes(7, graph);
}

inline std::string in_graph_node(const std::string& message) { return bytes(1, message); }
inline std::string in_graph_weight(const std::string& message) { return bytes(5, message); }
inline std::string in_graph_input(const std::string& message) { return bytes(11, message); }
inline std::string in_graph_output(const std::string& message) { return bytes(12, message); }

// Read, sorted and verified.
inline Result<graph::ReadModel> load(std::string_view bytes, const graph::ReadOptions& options = {}) {
  ASSIGN_OR_RETURN(graph::ReadModel read, graph::read_onnx(std::as_bytes(std::span(bytes)), options));
  RETURN_IF_ERROR(graph::sort_nodes(read.model.graph));
  RETURN_IF_ERROR(graph::verify(read.model));
  return read;
}

inline Status sort_and_verify(graph::Model model) {
  RETURN_IF_ERROR(graph::sort_nodes(model.graph));
  return graph::verify(model);
}

// What the complete text of a model reads back as is written as the same bytes.
inline void expect_text_reads_back(const graph::Model& model) {
  const std::string text = graph::to_text(model, {8, true});
  const Result<graph::ReadModel> again = graph::from_text(text);
  ASSERT_OK(again);
  EXPECT_TRUE(graph::write_onnx(again->model)->bytes == graph::write_onnx(model)->bytes) << text.substr(0, 4000);
}

}  // namespace arete::test
