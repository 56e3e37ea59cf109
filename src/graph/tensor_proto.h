// TensorProto <-> Tensor: every way in which ONNX may store elements. Inside graph/ only.
// Threads: pure.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"
#include "graph/onnx_io.h"

namespace arete::graph {

// The file that an external tensor names, the last where several are named; "" for others.
std::string external_location(const onnx::TensorProto& proto);

// Where the elements of an external tensor lie: `length` bytes (what the shape takes, where nothing is said) of a file.
struct ExternalPlace {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};
// kInvalid for numbers that are none, errors of check_external_location.
Result<ExternalPlace> external_place(const onnx::TensorProto& proto);

// Moves type, shape and elements out of the message. What a Tensor does not hold (name,
// documentation, metadata) stays in it; `extra` takes a copy of that.
Result<Tensor> tensor_from_proto(onnx::TensorProto& proto, const ReadOptions& options, std::string& extra);

// Adds type, shape and elements to a message that has none.
void tensor_to_proto(const Tensor& tensor, onnx::TensorProto& proto);
// As above with the elements in an external file at `offset`.
void tensor_to_external_proto(const Tensor& tensor, const std::string& location, std::uint64_t offset,
                              onnx::TensorProto& proto);

}  // namespace arete::graph
