// Shapes and their limits; tensors that share bytes until somebody writes; halves against NumPy.
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/batch.h"
#include "core/npy.h"
#include "os/base/files.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"
#include "tests/support/sanitizers.h"

namespace arete {
namespace {

constexpr std::int64_t kHuge = std::int64_t{1} << 62;

TEST(Shape, CountsElements) {
  EXPECT_EQ(*element_count(Shape{}), 1);
  EXPECT_EQ(*element_count(Shape{2, 3, 4}), 24);
  EXPECT_EQ(*element_count(Shape{2, 0, 4}), 0);
  EXPECT_EQ(*element_count(Shape(kMaxRank, 1)), 1);
  EXPECT_EQ(*element_count(Shape{kMaxTensorBytes}), kMaxTensorBytes);
}

TEST(Shape, RefusesHostileSizes) {
  EXPECT_ERROR(element_count(Shape{2, -1}), Code::kInvalid, "negative");
  EXPECT_ERROR(element_count(Shape{std::numeric_limits<std::int64_t>::min()}), Code::kInvalid, "");
  EXPECT_ERROR(element_count(Shape{kHuge}), Code::kExhausted, "2^40");
  EXPECT_ERROR(element_count(Shape{kHuge, 4}), Code::kExhausted, "");
  EXPECT_ERROR(element_count(Shape{1 << 30, 1 << 30, 1 << 30}), Code::kExhausted, "");
  EXPECT_ERROR(element_count(Shape{kHuge, 0, kHuge}), Code::kExhausted, "");
  EXPECT_ERROR(element_count(Shape{0, -1}), Code::kInvalid, "");
  EXPECT_ERROR(element_count(Shape(kMaxRank + 1, 1)), Code::kExhausted, "rank 65");
  EXPECT_ERROR(tensor_bytes(DType::kComplex128, Shape{kMaxTensorBytes}), Code::kExhausted, "limit");
}

TEST(Shape, IsWordedWithDynamicSizes) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{-1, 3, 224}), "[?,3,224]");
}

TEST(Tensor, IsMadeOfZerosOfAnyDtype) {
  for (int number = 1; number < kDTypeCount; ++number) {
    const auto dtype = static_cast<DType>(number);
    const auto tensor = Tensor::zeros(dtype, {3, 5});
    ASSERT_OK(tensor);
    EXPECT_EQ(tensor->size(), 15);
    if (dtype == DType::kString) continue;
    EXPECT_EQ(tensor->size_bytes(), packed_bytes(dtype, 15));
    EXPECT_TRUE(std::ranges::all_of(tensor->bytes(), [](std::byte b) { return b == std::byte{0}; }));
  }
  EXPECT_EQ(Tensor::zeros(DType::kString, {2})->strings().size(), 2U);
}

TEST(Tensor, RefusesBadShapes) {
  EXPECT_ERROR(Tensor::zeros(DType::kUndefined, {1}), Code::kUnsupported, "dtype");
  EXPECT_ERROR(Tensor::zeros(DType::kFloat32, {-3}), Code::kInvalid, "negative");
  EXPECT_ERROR(Tensor::zeros(DType::kFloat32, {kHuge}), Code::kExhausted, "");
  EXPECT_ERROR(Tensor::of_strings({3}, {"a"}), Code::kInvalid, "needs 3 strings, got 1");
  EXPECT_ERROR(Tensor::wrap(DType::kFloat32, {2}, share_bytes(std::string(7, 'x'))), Code::kInvalid,
               "float32[2] needs 8 bytes, got 7");
  EXPECT_ERROR(Tensor::wrap(DType::kString, {1}, share_bytes(std::string("x"))), Code::kUnsupported, "string");
}

TEST(Tensor, SaysWhenMemoryRunsOut) {
  if (!test::kThrowsBadAlloc) return;
  EXPECT_ERROR(Tensor::zeros(DType::kString, {kMaxTensorBytes}), Code::kExhausted, "memory");
}

TEST(Tensor, SharesBytesUntilOneIsWritten) {
  Tensor first = Tensor::of<float>({2}, {1, 2});
  const std::byte* const before = first.bytes().data();
  Tensor second = first;
  EXPECT_EQ(second.bytes().data(), before);
  second.mutable_data<float>()[0] = 9;
  EXPECT_EQ(first.data<float>()[0], 1.0F);
  EXPECT_EQ(second.data<float>()[0], 9.0F);
  // Now each is alone: writing copies no more.
  const std::byte* const own = second.bytes().data();
  second.mutable_data<float>()[1] = 8;
  EXPECT_EQ(second.bytes().data(), own);
  first.mutable_data<float>()[0] = 5;
  EXPECT_EQ(first.bytes().data(), before);
}

TEST(Tensor, NeverWritesToWrappedBytes) {
  const SharedBytes bytes = share_bytes(std::string("\x01\x02", 2));
  Tensor tensor = *Tensor::wrap(DType::kUint8, {2}, bytes);
  EXPECT_EQ(tensor.bytes().data(), bytes.view.data());
  tensor.mutable_data<std::uint8_t>()[0] = 77;
  EXPECT_EQ(bytes.view[0], std::byte{1});
  EXPECT_EQ(tensor.data<std::uint8_t>()[0], 77);
}

TEST(Tensor, ReshapesWithoutCopying) {
  const Tensor tensor = Tensor::of<std::int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto flat = tensor.reshaped({6});
  ASSERT_OK(flat);
  EXPECT_EQ(flat->bytes().data(), tensor.bytes().data());
  EXPECT_ERROR(tensor.reshaped({7}), Code::kInvalid, "cannot reshape [2,3] to [7]");
  EXPECT_ERROR(tensor.reshaped({-1}), Code::kInvalid, "negative");
  EXPECT_EQ(describe(*flat), "int64[6]");
}

TEST(TensorDeathTest, StopsOnTheWrongType) {
  const Tensor tensor = Tensor::scalar(1.0F);
  EXPECT_DEATH(static_cast<void>(tensor.data<double>()), "arete: bug");
  EXPECT_DEATH(static_cast<void>(tensor.strings()), "arete: bug");
}

TEST(ToDoubles, TakesEveryRealDtype) {
  EXPECT_EQ(*to_doubles(Tensor::of<std::int8_t>({2}, {-128, 127})), (std::vector<double>{-128, 127}));
  EXPECT_EQ((*to_doubles(Tensor::scalar(std::uint64_t{1} << 63)))[0], 0x1p63);
  EXPECT_EQ((*to_doubles(Tensor::scalar(true)))[0], 1);
  const Tensor brain = *Tensor::wrap(DType::kBfloat16, {1}, share_bytes(std::string("\xc0\x3f", 2)));
  EXPECT_EQ((*to_doubles(brain))[0], 1.5);
  for (const DType dtype : {DType::kString, DType::kComplex64, DType::kFloat8E5M2, DType::kInt4}) {
    EXPECT_ERROR(to_doubles(*Tensor::zeros(dtype, {1})), Code::kUnsupported, std::string(name_of(dtype)));
  }
}

// From a file in memory that starts one byte in.
TEST(ToDoubles, TakesUnalignedBytes) {
  std::string bytes(1, '\0');
  const double value = -0.1;
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  const SharedBytes shared = share_bytes(std::move(bytes));
  const auto tensor = Tensor::wrap(DType::kFloat64, {1}, {shared.owner, shared.view.subspan(1)});
  EXPECT_EQ((*to_doubles(*tensor))[0], -0.1);
}

Tensor numpy_array(const std::string& path) {
  const auto text = os::read_file(os::real_file_system(), path, 1 << 24);
  EXPECT_TRUE(text.has_value()) << path;
  const auto array = parse_npy(std::as_bytes(std::span(*text)));
  EXPECT_TRUE(array.has_value()) << path;
  return *array;
}

TEST(Halves, EqualNumpyForEveryHalf) {
  const std::string folder = test::python_models("tests/core/arrays.py");
  SKIP_WITHOUT_MODELS(folder);
  const Tensor wanted = numpy_array(folder + "/half_bits_as_float.npy");
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const float got = half_to_float(static_cast<std::uint16_t>(half));
    const auto numpy = std::bit_cast<float>(wanted.data<std::uint32_t>()[half]);
    if (std::isnan(numpy)) {
      ASSERT_TRUE(std::isnan(got)) << half;
      ASSERT_TRUE(std::isnan(half_to_float(float_to_half(got)))) << half;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(numpy)) << half;
      ASSERT_EQ(float_to_half(got), half);
    }
  }
}

TEST(Halves, RoundAsNumpyDoes) {
  const std::string folder = test::python_models("tests/core/arrays.py");
  SKIP_WITHOUT_MODELS(folder);
  const Tensor floats = numpy_array(folder + "/floats.npy");
  const Tensor wanted = numpy_array(folder + "/floats_as_half_bits.npy");
  ASSERT_EQ(floats.size(), wanted.size());
  for (std::size_t i = 0; i < static_cast<std::size_t>(floats.size()); ++i) {
    const float value = floats.data<float>()[i];
    ASSERT_EQ(float_to_half(value), wanted.data<std::uint16_t>()[i]) << value;
  }
}

TEST(Rows, AreJoinedAndTakenApart) {
  const Tensor a = Tensor::of<std::int32_t>({1, 2}, {1, 2});
  const Tensor b = Tensor::of<std::int32_t>({2, 2}, {3, 4, 5, 6});
  const auto joined = concat_rows(std::vector<Tensor>{a, b});
  ASSERT_OK(joined);
  EXPECT_EQ(joined->shape(), (Shape{3, 2}));
  EXPECT_EQ(joined->data<std::int32_t>()[5], 6);
  const auto middle = slice_rows(*joined, 1, 1);
  ASSERT_OK(middle);
  EXPECT_EQ(middle->data<std::int32_t>()[0], 3);
  EXPECT_EQ(slice_rows(*joined, 3, 0)->shape(), (Shape{0, 2}));
  const Tensor empty = *Tensor::zeros(DType::kFloat32, {0, 4});
  EXPECT_EQ(concat_rows(std::vector<Tensor>{empty, empty})->shape(), (Shape{0, 4}));
}

TEST(Rows, SayWhyTheyCannotBeJoined) {
  const Tensor a = Tensor::of<float>({1, 2}, {1, 2});
  EXPECT_ERROR(concat_rows({}), Code::kInvalid, "nothing");
  EXPECT_ERROR(concat_rows(std::vector<Tensor>{a, Tensor::of<float>({1, 3}, {1, 2, 3})}), Code::kInvalid,
               "float32[1,2] and float32[1,3]");
  EXPECT_ERROR(concat_rows(std::vector<Tensor>{a, Tensor::of<double>({1, 2}, {1, 2})}), Code::kInvalid, "float64");
  EXPECT_ERROR(concat_rows(std::vector<Tensor>{Tensor::scalar(1.0F)}), Code::kInvalid, "scalar");
  EXPECT_ERROR(concat_rows(std::vector<Tensor>{*Tensor::of_strings({1}, {"a"})}), Code::kUnsupported, "string");
  EXPECT_ERROR(slice_rows(a, 0, 2), Code::kInvalid, "outside");
  EXPECT_ERROR(slice_rows(a, -1, 1), Code::kInvalid, "outside");
  EXPECT_ERROR(slice_rows(a, std::numeric_limits<std::int64_t>::max(), 1), Code::kInvalid, "");
}

}  // namespace
}  // namespace arete
