// Seeded inputs: right shapes and ranges, and the same bytes everywhere.
#include "proof/random_inputs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/assert.h"

namespace arete::proof {
namespace {

using engine::ValueInfo;

Tensor one(DType dtype, Shape shape, std::uint64_t seed = 1, std::int64_t batch = 1) {
  const std::vector<ValueInfo> infos = {{"x", dtype, std::move(shape)}};
  const auto made = random_inputs(infos, seed, batch);
  EXPECT_TRUE(made.has_value());
  return made ? (*made)[0].tensor : Tensor();
}

TEST(RandomInputs, FillsDynamicSizes) {
  EXPECT_EQ(one(DType::kFloat32, {-1, 3, -1, 5}).shape(), (Shape{1, 3, 1, 5}));
  EXPECT_EQ(one(DType::kFloat32, {-1, 3, -1, 5}, 1, 8).shape(), (Shape{8, 3, 1, 5}));
  EXPECT_EQ(one(DType::kInt64, {}).shape(), Shape{});
  EXPECT_EQ(one(DType::kFloat32, {0, 3}).size(), 0);
}

TEST(RandomInputs, KeepsToTheRangesItPromises) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBfloat16}) {
    const std::vector<double> values = *to_doubles(one(dtype, {1000}));
    const auto [low, high] = std::ranges::minmax(values);
    EXPECT_GE(low, -1.0);
    EXPECT_LE(high, 1.0);
    EXPECT_LT(low, -0.9);
    EXPECT_GT(high, 0.9);
  }
  for (const DType dtype :
       {DType::kInt64, DType::kInt32, DType::kInt16, DType::kUint16, DType::kUint32, DType::kUint64, DType::kBool}) {
    const std::vector<double> values = *to_doubles(one(dtype, {1000}));
    const auto [low, high] = std::ranges::minmax(values);
    EXPECT_EQ(low, 0);
    EXPECT_EQ(high, 1);
  }
  EXPECT_GT(std::ranges::max(*to_doubles(one(DType::kUint8, {1000}))), 250);
  EXPECT_LT(std::ranges::min(*to_doubles(one(DType::kInt8, {1000}))), -120);
  EXPECT_EQ(one(DType::kInt4, {3}).size_bytes(), 2U);
}

TEST(RandomInputs, AreTheSameForASeed) {
  const Tensor first = one(DType::kFloat32, {4}, 42);
  EXPECT_TRUE(std::ranges::equal(first.bytes(), one(DType::kFloat32, {4}, 42).bytes()));
  EXPECT_FALSE(std::ranges::equal(first.bytes(), one(DType::kFloat32, {4}, 43).bytes()));
  // SplitMix64 of seed 42, its upper 24 bits: 0xbdd732 / 2^23 - 1.
  EXPECT_EQ(first.data<float>()[0], static_cast<float>(0xbdd732) / 8388608.0F - 1.0F);
}

TEST(RandomInputs, RefuseWhatNeedsARealSample) {
  const auto inputs_of = [](ValueInfo info) { return random_inputs(std::vector<ValueInfo>{std::move(info)}, 1); };
  EXPECT_ERROR(inputs_of({"t", DType::kString, {1}}), Code::kUnsupported, "input 't'");
  EXPECT_ERROR(inputs_of({"t", DType::kComplex64, {1}}), Code::kUnsupported, "complex64[1]");
  EXPECT_ERROR(inputs_of({"t", DType::kFloat8E5M2, {1}}), Code::kUnsupported, "real sample");
  EXPECT_ERROR(inputs_of({"t", DType::kFloat32, {}, false}), Code::kUnsupported, "[...]");
  EXPECT_ERROR(inputs_of({"t", DType::kFloat32, {1LL << 62, 4}}), Code::kExhausted, "input 't'");
}

TEST(RandomSamples, StreamAndRewind) {
  const std::vector<ValueInfo> infos = {{"x", DType::kFloat32, {-1, 2}}};
  const auto source = random_samples(infos, 7, 3);
  ASSERT_OK(source);
  EXPECT_EQ((*source)->size(), 3U);
  EXPECT_FALSE((*source)->has_labels());
  std::vector<float> firsts;
  for (int i = 0; i < 3; ++i) {
    firsts.push_back((**(*source)->next()).inputs[0].tensor.data<float>()[0]);
  }
  EXPECT_FALSE((*source)->next()->has_value());
  EXPECT_NE(firsts[0], firsts[1]);
  ASSERT_OK((*source)->rewind());
  EXPECT_EQ((**(*source)->next()).inputs[0].tensor.data<float>()[0], firsts[0]);
  EXPECT_ERROR(random_samples({{"t", DType::kString, {1}}}, 1, 1), Code::kUnsupported, "'t'");
}

}  // namespace
}  // namespace arete::proof
