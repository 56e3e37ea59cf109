// TensorProto <-> Tensor: every way in which ONNX may store elements. Inside graph/ only.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>

#include "core/result.h"
#include "graph/onnx_io.h"

namespace arete::graph {

// Moves the elements out of the message. `extra` takes what a Tensor does not hold (documentation,
// metadata). The tensor's name is the caller's business.
Result<Tensor> tensor_from_proto(onnx::TensorProto&& proto, const ReadOptions& options, std::string& extra);

void tensor_to_proto(const Tensor& tensor, const std::string& extra, onnx::TensorProto& proto);
// As above with the elements in an external file at `offset`.
void tensor_to_external_proto(const Tensor& tensor, const std::string& extra, const std::string& location,
                              std::uint64_t offset, onnx::TensorProto& proto);

}  // namespace arete::graph
