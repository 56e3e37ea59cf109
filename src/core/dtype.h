// The element types of tensors: every type that ONNX defines, with its width and names.
//
// Numbers equal ONNX TensorProto.DataType, so that reading a model is a range check.
// Sub-byte types are packed, first element in the low bits (ONNX "Int4" layout).
// Threads: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace arete {

enum class DType : std::uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
  kFloat6E2M3 = 27,
  kFloat6E3M2 = 28,
};
inline constexpr int kDTypeCount = 29;

struct DTypeRow {
  DType dtype;
  std::string_view name;   // "float32": what we print and what numpy says where it has the type
  int bits;                // per element; 0 for strings
  std::string_view numpy;  // type string of .npy files without byte order ("f4"); empty: none
};

const DTypeRow& describe(DType dtype);
inline std::string_view name_of(DType dtype) { return describe(dtype).name; }
inline int bits_of(DType dtype) { return describe(dtype).bits; }

// "float32" -> kFloat32; nothing for an unknown name.
std::optional<DType> dtype_from_name(std::string_view name);
// "f4" -> kFloat32; nothing for a type that .npy files cannot hold.
std::optional<DType> dtype_from_numpy(std::string_view type);
// TensorProto.DataType -> DType; nothing for 0 and for numbers that ONNX does not define.
std::optional<DType> dtype_from_onnx(int number);

// Bytes of `count` packed elements. count must be >= 0 and already bounded (core/shape.h).
inline std::size_t packed_bytes(DType dtype, std::int64_t count) {
  return (static_cast<std::size_t>(count) * static_cast<std::size_t>(bits_of(dtype)) + 7) / 8;
}

// Of IEEE 754's own widths; bfloat16 and the 8-bit floats are not meant.
constexpr bool is_floating(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kFloat32 || dtype == DType::kFloat64;
}

// C++ type -> DType, for the types that C++ itself has.
template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kFloat64;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::kUint8;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::kInt8;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::kUint16;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::kInt16;
}
template <>
constexpr DType dtype_of<std::uint32_t>() {
  return DType::kUint32;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::kInt32;
}
template <>
constexpr DType dtype_of<std::uint64_t>() {
  return DType::kUint64;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::kInt64;
}
template <>
constexpr DType dtype_of<bool>() {
  return DType::kBool;
}

}  // namespace arete
