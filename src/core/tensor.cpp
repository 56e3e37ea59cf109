#include "core/tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <new>

namespace arete {

Result<Tensor> Tensor::zeros(DType dtype, Shape shape) {
  if (dtype == DType::kUndefined) return Error{Code::kUnsupported, "a tensor needs a dtype"};
  ASSIGN_OR_RETURN(const std::size_t size_bytes, tensor_bytes(dtype, shape));
  try {
    // Strings count as one byte an element.
    if (dtype == DType::kString) return of_strings(std::move(shape), std::vector<std::string>(size_bytes));
    auto own = std::make_shared<std::vector<std::byte>>(size_bytes);
    std::byte* const writable = own->data();
    const std::span<const std::byte> view(writable, size_bytes);
    ASSIGN_OR_RETURN(Tensor tensor, wrap(dtype, std::move(shape), {std::move(own), view}));
    tensor.writable_ = writable;
    return tensor;
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory for a tensor of " + std::to_string(size_bytes) + " bytes"};
  }
}

Result<Tensor> Tensor::wrap(DType dtype, Shape shape, SharedBytes bytes) {
  if (dtype == DType::kUndefined || dtype == DType::kString) {
    return Error{Code::kUnsupported, "dtype " + std::string(name_of(dtype)) + " has no packed bytes"};
  }
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  ASSIGN_OR_RETURN(const std::size_t wanted, tensor_bytes(dtype, shape));
  if (bytes.view.size() != wanted) {
    return Error{Code::kInvalid, std::string(name_of(dtype)) + to_string(shape) + " needs " + std::to_string(wanted) +
                                     " bytes, got " + std::to_string(bytes.view.size())};
  }
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.size_ = count;
  tensor.bytes_ = std::move(bytes);
  return tensor;
}

Result<Tensor> Tensor::of_strings(Shape shape, std::vector<std::string> values) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  if (static_cast<std::size_t>(count) != values.size()) {
    return Error{Code::kInvalid, "string" + to_string(shape) + " needs " + std::to_string(count) + " strings, got " +
                                     std::to_string(values.size())};
  }
  Tensor tensor;
  tensor.dtype_ = DType::kString;
  tensor.shape_ = std::move(shape);
  tensor.size_ = count;
  tensor.strings_ = std::make_shared<const std::vector<std::string>>(std::move(values));
  return tensor;
}

std::span<std::byte> Tensor::mutable_bytes() {
  const std::size_t size_bytes = bytes_.view.size();
  // Bytes that somebody else may see, or that we did not allocate, are copied before a write.
  if (writable_ == nullptr || bytes_.owner.use_count() != 1) {
    auto own = std::make_shared<std::vector<std::byte>>(bytes_.view.begin(), bytes_.view.end());
    writable_ = own->data();
    bytes_ = {std::move(own), std::span<const std::byte>(writable_, size_bytes)};
  }
  return {writable_, size_bytes};
}

std::span<const std::string> Tensor::strings() const {
  CHECK(dtype_ == DType::kString);
  return *strings_;
}

Result<Tensor> Tensor::reshaped(Shape shape) const {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  if (count != size_) {
    return Error{Code::kInvalid, "cannot reshape " + to_string(shape_) + " to " + to_string(shape)};
  }
  Tensor copy = *this;
  copy.shape_ = std::move(shape);
  return copy;
}

std::string describe(const Tensor& tensor) { return std::string(name_of(tensor.dtype())) + to_string(tensor.shape()); }

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7E00U;
  if (magnitude >= 65520.0F) return sign | 0x7C00U;  // rounds up past the largest half
  if (magnitude < 6.103515625e-05F) {                // subnormal: units of 2^-24
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))));
  }
  const std::uint32_t rounded = (bits & 0x7FFFFFFFU) + 0xFFFU + ((bits >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded >> 13) - (112U << 10)));
}

namespace {

template <class T>
void append(std::span<const std::byte> bytes, std::vector<double>& out) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;  // memcpy: wrapped bytes may be unaligned
    std::memcpy(&value, bytes.data() + at, sizeof(T));
    out.push_back(static_cast<double>(value));
  }
}

void append_half(std::span<const std::byte> bytes, bool brain, std::vector<double>& out) {
  for (std::size_t at = 0; at + 2 <= bytes.size(); at += 2) {
    std::uint16_t raw = 0;
    std::memcpy(&raw, bytes.data() + at, 2);
    const float value = brain ? std::bit_cast<float>(static_cast<std::uint32_t>(raw) << 16) : half_to_float(raw);
    out.push_back(static_cast<double>(value));
  }
}

}  // namespace

Result<std::vector<double>> to_doubles(const Tensor& tensor) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(tensor.size()));
  const std::span<const std::byte> bytes = tensor.bytes();
  switch (tensor.dtype()) {
    case DType::kFloat32:
      append<float>(bytes, out);
      break;
    case DType::kFloat64:
      append<double>(bytes, out);
      break;
    case DType::kUint8:
    case DType::kBool:
      append<std::uint8_t>(bytes, out);
      break;
    case DType::kInt8:
      append<std::int8_t>(bytes, out);
      break;
    case DType::kUint16:
      append<std::uint16_t>(bytes, out);
      break;
    case DType::kInt16:
      append<std::int16_t>(bytes, out);
      break;
    case DType::kUint32:
      append<std::uint32_t>(bytes, out);
      break;
    case DType::kInt32:
      append<std::int32_t>(bytes, out);
      break;
    case DType::kUint64:
      append<std::uint64_t>(bytes, out);
      break;
    case DType::kInt64:
      append<std::int64_t>(bytes, out);
      break;
    case DType::kFloat16:
      append_half(bytes, false, out);
      break;
    case DType::kBfloat16:
      append_half(bytes, true, out);
      break;
    default:
      return Error{Code::kUnsupported, "no arithmetic on " + std::string(name_of(tensor.dtype())) + " tensors"};
  }
  return out;
}

namespace {

template <class T, class Convert>
void store(std::span<const double> values, std::span<std::byte> to, Convert convert) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T element = convert(values[i]);
    std::memcpy(to.data() + i * sizeof(T), &element, sizeof(T));
  }
}

std::uint16_t to_bfloat16(float value) {
  if (std::isnan(value)) return 0x7FC0U;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace

Result<Tensor> from_doubles(DType dtype, Shape shape, std::span<const double> values) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  if (static_cast<std::size_t>(tensor.size()) != values.size()) {
    return Error{Code::kInvalid, describe(tensor) + " does not hold " + std::to_string(values.size()) + " values"};
  }
  const std::span<std::byte> to = dtype == DType::kString ? std::span<std::byte>() : tensor.mutable_bytes();
  switch (dtype) {
    case DType::kFloat32:
      store<float>(values, to, [](double v) { return static_cast<float>(v); });
      break;
    case DType::kFloat64:
      store<double>(values, to, [](double v) { return v; });
      break;
    case DType::kFloat16:
      store<std::uint16_t>(values, to, [](double v) { return float_to_half(static_cast<float>(v)); });
      break;
    case DType::kBfloat16:
      store<std::uint16_t>(values, to, [](double v) { return to_bfloat16(static_cast<float>(v)); });
      break;
    default:
      return Error{Code::kUnsupported, "cannot make " + std::string(name_of(dtype)) + " from numbers"};
  }
  return tensor;
}

}  // namespace arete
