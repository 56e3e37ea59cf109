#include "serve/v2_message.h"

#include <algorithm>
#include <array>

namespace arete::serve {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
};

constexpr std::array<Row, 14> kRows = {{{DType::kBool, "BOOL"},
                                        {DType::kUint8, "UINT8"},
                                        {DType::kUint16, "UINT16"},
                                        {DType::kUint32, "UINT32"},
                                        {DType::kUint64, "UINT64"},
                                        {DType::kInt8, "INT8"},
                                        {DType::kInt16, "INT16"},
                                        {DType::kInt32, "INT32"},
                                        {DType::kInt64, "INT64"},
                                        {DType::kFloat16, "FP16"},
                                        {DType::kFloat32, "FP32"},
                                        {DType::kFloat64, "FP64"},
                                        {DType::kBfloat16, "BF16"},
                                        {DType::kString, "BYTES"}}};

}  // namespace

std::string_view v2_name(DType dtype) {
  const auto row = std::ranges::find(kRows, dtype, &Row::dtype);
  return row == kRows.end() ? "" : row->name;
}

std::optional<DType> v2_dtype(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &Row::name);
  return row == kRows.end() ? std::nullopt : std::optional(row->dtype);
}

}  // namespace arete::serve
