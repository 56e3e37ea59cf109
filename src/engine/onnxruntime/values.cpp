#include "engine/onnxruntime/values.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>

namespace arete::engine {
namespace {

// Both lists follow TensorProto.DataType.
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT == static_cast<int>(DType::kFloat32));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING == static_cast<int>(DType::kString));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE == static_cast<int>(DType::kFloat64));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 == static_cast<int>(DType::kBfloat16));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E5M2FNUZ == static_cast<int>(DType::kFloat8E5M2FNUZ));
static_assert(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4 == static_cast<int>(DType::kInt4));
constexpr int kLastOrtType = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT4;

Ort::Value string_value(const Tensor& tensor) {
  Ort::AllocatorWithDefaultOptions allocator;
  Ort::Value value = Ort::Value::CreateTensor(allocator, tensor.shape().data(), tensor.shape().size(),
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  const std::span<const std::string> strings = tensor.strings();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    // Not FillStringTensor: it takes C strings, and ours may hold zero bytes.
    char* const to = value.GetResizedStringTensorElementBuffer(i, strings[i].size());
    std::memcpy(to, strings[i].data(), strings[i].size());
  }
  return value;
}

bool is_aligned(const Tensor& tensor) {
  const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes().data());
  const auto width = static_cast<std::uintptr_t>(bits_of(tensor.dtype())) / 8;
  return width <= 1 || address % std::min<std::uintptr_t>(width, 8) == 0;
}

Ort::Value copied_value(const Tensor& tensor, ONNXTensorElementDataType type) {
  Ort::AllocatorWithDefaultOptions allocator;
  Ort::Value value = Ort::Value::CreateTensor(allocator, tensor.shape().data(), tensor.shape().size(), type);
  std::memcpy(value.GetTensorMutableRawData(), tensor.bytes().data(), tensor.size_bytes());
  return value;
}

Result<Tensor> string_tensor(const Ort::Value& value, Shape shape) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  std::vector<std::string> strings;
  for (std::int64_t i = 0; i < count; ++i) {
    strings.push_back(value.GetStringTensorElement(static_cast<std::size_t>(i)));
  }
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

bool lies_in(const std::byte* data, const Tensor& tensor) {
  const auto* const begin = tensor.bytes().data();
  return std::less_equal<>()(begin, data) && std::less<>()(data, begin + tensor.size_bytes());
}

// An output that is an input: it shares that tensor's bytes, or copies where it is not all of them.
Result<Tensor> handed_through(DType dtype, const Shape& shape, const Tensor& input, const std::byte* data) {
  if (dtype == input.dtype() && data == input.bytes().data()) {
    if (Result<Tensor> same = input.reshaped(shape)) return same;
  }
  ASSIGN_OR_RETURN(Tensor copy, Tensor::zeros(dtype, shape));
  std::memcpy(copy.mutable_bytes().data(), data, copy.size_bytes());
  return copy;
}

}  // namespace

std::optional<DType> dtype_from_ort(ONNXTensorElementDataType type) {
  if (type <= 0 || static_cast<int>(type) > kLastOrtType) return std::nullopt;
  return static_cast<DType>(type);
}

bool is_passable(DType dtype) {
  return static_cast<int>(dtype) <= kLastOrtType && dtype != DType::kUndefined && dtype != DType::kComplex64 &&
         dtype != DType::kComplex128;
}

Result<Ort::Value> to_value(const NamedTensor& input) {
  const Tensor& tensor = input.tensor;
  if (!is_passable(tensor.dtype())) {
    return Error{Code::kUnsupported, "input '" + input.name + "': ONNX Runtime passes no tensors of " +
                                         std::string(name_of(tensor.dtype()))};
  }
  const auto type = static_cast<ONNXTensorElementDataType>(tensor.dtype());
  if (tensor.dtype() == DType::kString) return string_value(tensor);
  if (!is_aligned(tensor)) return copied_value(tensor, type);
  static const Ort::MemoryInfo& cpu =
      *new Ort::MemoryInfo(Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
  // ONNX Runtime wants an address even for no bytes, and never writes to an input.
  static constexpr std::byte kNothing{};
  void* const data = const_cast<std::byte*>(tensor.size_bytes() == 0 ? &kNothing : tensor.bytes().data());
  return Ort::Value::CreateTensor(cpu, data, tensor.size_bytes(), tensor.shape().data(), tensor.shape().size(), type);
}

Result<Tensor> to_tensor(Ort::Value value, const std::string& name, std::span<const NamedTensor> inputs) {
  if (!value.HasValue() || !value.IsTensor()) {
    return Error{Code::kUnsupported, "output '" + name + "' is no tensor"};
  }
  const Ort::TensorTypeAndShapeInfo info = value.GetTensorTypeAndShapeInfo();
  const std::optional<DType> dtype = dtype_from_ort(info.GetElementType());
  if (!dtype) {
    return Error{Code::kUnsupported, "output '" + name + "' has an unknown element type"};
  }
  Shape shape = info.GetShape();
  if (*dtype == DType::kString) return string_tensor(value, std::move(shape));
  ASSIGN_OR_RETURN(const std::size_t size_bytes, tensor_bytes(*dtype, shape));
  const auto* const data = static_cast<const std::byte*>(value.GetTensorRawData());
  for (const NamedTensor& input : inputs) {
    if (lies_in(data, input.tensor)) return handed_through(*dtype, shape, input.tensor, data);
  }
  auto owner = std::make_shared<const Ort::Value>(std::move(value));
  return Tensor::wrap(*dtype, std::move(shape), {std::move(owner), {data, size_bytes}});
}

}  // namespace arete::engine
