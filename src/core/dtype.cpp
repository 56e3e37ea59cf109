#include "core/dtype.h"

#include <array>

#include "core/check.h"

namespace arete {
namespace {

constexpr std::array<DTypeRow, kDTypeCount> kRows = {{
    {DType::kUndefined, "undefined", 0, ""},
    {DType::kFloat32, "float32", 32, "f4"},
    {DType::kUint8, "uint8", 8, "u1"},
    {DType::kInt8, "int8", 8, "i1"},
    {DType::kUint16, "uint16", 16, "u2"},
    {DType::kInt16, "int16", 16, "i2"},
    {DType::kInt32, "int32", 32, "i4"},
    {DType::kInt64, "int64", 64, "i8"},
    {DType::kString, "string", 0, ""},
    {DType::kBool, "bool", 8, "b1"},
    {DType::kFloat16, "float16", 16, "f2"},
    {DType::kFloat64, "float64", 64, "f8"},
    {DType::kUint32, "uint32", 32, "u4"},
    {DType::kUint64, "uint64", 64, "u8"},
    {DType::kComplex64, "complex64", 64, "c8"},
    {DType::kComplex128, "complex128", 128, "c16"},
    {DType::kBfloat16, "bfloat16", 16, ""},
    {DType::kFloat8E4M3FN, "float8e4m3fn", 8, ""},
    {DType::kFloat8E4M3FNUZ, "float8e4m3fnuz", 8, ""},
    {DType::kFloat8E5M2, "float8e5m2", 8, ""},
    {DType::kFloat8E5M2FNUZ, "float8e5m2fnuz", 8, ""},
    {DType::kUint4, "uint4", 4, ""},
    {DType::kInt4, "int4", 4, ""},
    {DType::kFloat4E2M1, "float4e2m1", 4, ""},
    {DType::kFloat8E8M0, "float8e8m0", 8, ""},
    {DType::kUint2, "uint2", 2, ""},
    {DType::kInt2, "int2", 2, ""},
    {DType::kFloat6E2M3, "float6e2m3", 6, ""},
    {DType::kFloat6E3M2, "float6e3m2", 6, ""},
}};

}  // namespace

const DTypeRow& describe(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  CHECK(index < kRows.size());
  return kRows[index];
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& row : kRows) {
    if (row.name == name && row.dtype != DType::kUndefined) return row.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_numpy(std::string_view type) {
  for (const DTypeRow& row : kRows) {
    if (!row.numpy.empty() && row.numpy == type) return row.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_onnx(int number) {
  if (number <= 0 || number >= kDTypeCount) return std::nullopt;
  return static_cast<DType>(number);
}

}  // namespace arete
