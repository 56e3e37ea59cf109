// Element types: the numbers of ONNX, names both ways, packed sizes.
#include "core/dtype.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace arete {
namespace {

TEST(DType, HasOneRowForEachNumberOfOnnx) {
  std::set<std::string_view> names;
  for (int number = 0; number < kDTypeCount; ++number) {
    const auto dtype = static_cast<DType>(number);
    EXPECT_EQ(describe(dtype).dtype, dtype);
    EXPECT_TRUE(names.insert(name_of(dtype)).second) << name_of(dtype);
    if (number == 0) continue;
    EXPECT_EQ(dtype_from_onnx(number), dtype);
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
    const std::string_view numpy = describe(dtype).numpy;
    if (!numpy.empty()) {
      EXPECT_EQ(dtype_from_numpy(numpy), dtype);
      EXPECT_EQ(std::to_string(bits_of(dtype) / 8), numpy.substr(1));
    }
  }
}

TEST(DType, RefusesWhatOnnxDoesNotDefine) {
  for (const int number : {-1, 0, kDTypeCount, 1 << 20}) {
    EXPECT_FALSE(dtype_from_onnx(number).has_value()) << number;
  }
  for (const char* name : {"", "undefined", "float", "Float32", "float32 "}) {
    EXPECT_FALSE(dtype_from_name(name).has_value()) << name;
  }
  EXPECT_FALSE(dtype_from_numpy("").has_value());
  EXPECT_FALSE(dtype_from_numpy("U3").has_value());
}

TEST(DType, PacksSubByteElements) {
  EXPECT_EQ(packed_bytes(DType::kInt4, 0), 0U);
  EXPECT_EQ(packed_bytes(DType::kInt4, 3), 2U);
  EXPECT_EQ(packed_bytes(DType::kUint2, 4), 1U);
  EXPECT_EQ(packed_bytes(DType::kUint2, 5), 2U);
  EXPECT_EQ(packed_bytes(DType::kFloat6E2M3, 4), 3U);
  EXPECT_EQ(packed_bytes(DType::kComplex128, 3), 48U);
  EXPECT_EQ(packed_bytes(DType::kFloat32, std::int64_t{1} << 36), std::size_t{1} << 38);
}

}  // namespace
}  // namespace arete
