// Tensors as ONNX Runtime's values and back, without copying their bytes where that is possible.
// Threads: pure; a value that wraps bytes keeps them alive.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "core/tensor.h"

namespace arete::engine {

// Nothing for element types that API 21 does not have.
std::optional<DType> dtype_from_ort(ONNXTensorElementDataType type);

// False for dtypes that API 21 lacks or that no build of ONNX Runtime has tensors of (complex).
bool is_passable(DType dtype);

// A value over the tensor's own bytes, which must outlive it (strings and unaligned bytes are
// copied). kUnsupported for a dtype that is not passable. Throws Ort::Exception.
Result<Ort::Value> to_value(const NamedTensor& input);

// The tensor that lies in `value`, which it keeps. `inputs` are those of the run: a model may hand
// an input through, and then the output is that tensor. Throws Ort::Exception.
Result<Tensor> to_tensor(Ort::Value value, const std::string& name, std::span<const NamedTensor> inputs);

}  // namespace arete::engine
