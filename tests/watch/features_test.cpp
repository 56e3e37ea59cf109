// Which numbers of a sample are features, and what they are.
#include "watch/features.h"

#include <cmath>
#include <limits>

#include "tests/support/assert.h"
#include "watch/reference.h"

namespace arete::watch {
namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;

const InputCard kPlain;

InputCard nhwc() {
  InputCard card;
  card.layout = PixelLayout::kNhwc;
  return card;
}

Names names_of(const TensorSpec& spec, const InputCard* card = &kPlain, bool has_batch_axis = true) {
  return FeatureReader::make(std::vector{spec}, card, has_batch_axis)->names();
}

Values read(const TensorSpec& spec, Tensor tensor, const InputCard* card = &kPlain, bool has_batch_axis = true) {
  const std::vector<NamedTensor> sample = {{spec.name, std::move(tensor)}};
  const auto values = FeatureReader::make(std::vector{spec}, card, has_batch_axis)->read(sample);
  EXPECT_TRUE(values.has_value());
  return values ? *values : Values();
}

TEST(Features, FewElementsAreOneEach) {
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 2, 2}}), (Names{"x[0]", "x[1]", "x[2]", "x[3]"}));
  EXPECT_EQ(names_of({"x", DType::kFloat32, {8, 2}}), (Names{"x[0]", "x[1]"}));
  EXPECT_EQ(names_of({"x", DType::kInt64, {2, 2}}, &kPlain, false).size(), 4U);
  EXPECT_EQ(names_of({"x", DType::kBool, {}}, &kPlain, false), Names{"x[0]"});
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 64}}).size(), 64U);
  EXPECT_EQ(read({"x", DType::kInt8, {-1, 3}}, Tensor::of<std::int8_t>({1, 3}, {-1, 0, 5})), (Values{-1, 0, 5}));
}

TEST(Features, ManyOrUnknownElementsAreFourNumbers) {
  const Names whole = {"x.mean", "x.deviation", "x.minimum", "x.maximum"};
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 65}}), whole);
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, -1}}), whole);
  EXPECT_EQ(names_of({"x", DType::kFloat32, {}, false}), whole);
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 5, 8, 8}}), whole) << "five are no channels";
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 3, 8, 8}}, nullptr), whole) << "outputs have no channels";
  EXPECT_EQ(names_of({"x", DType::kFloat32, {INT64_MAX, INT64_MAX}}, &kPlain, false), whole);
  EXPECT_EQ(read({"x", DType::kFloat32, {-1, -1}}, Tensor::of<float>({1, 4}, {1, 5, 1, 5})), (Values{3, 2, 1, 5}));
}

TEST(Features, ChannelsFollowTheLayout) {
  EXPECT_EQ(names_of({"x", DType::kUint8, {-1, 1, -1, -1}})[0], "x.channel0.mean");
  const InputCard last = nhwc();
  const TensorSpec spec{"x", DType::kFloat32, {-1, 20, 20, 2}};
  EXPECT_EQ(names_of(spec, &last)[7], "x.channel1.maximum");
  EXPECT_EQ(names_of(spec)[0], "x.mean") << "by the other layout there are 20";
  std::vector<float> pixels(800);
  for (std::size_t i = 0; i < 400; ++i) {
    pixels[2 * i] = i % 2 == 0 ? 1 : 3;
    pixels[2 * i + 1] = -7;
  }
  EXPECT_EQ(read(spec, Tensor::of<float>({1, 20, 20, 2}, std::span<const float>(pixels)), &last),
            (Values{2, 1, 1, 3, -7, 0, -7, -7}));
  const double deviation = std::sqrt(20.75);
  EXPECT_EQ(
      read({"x", DType::kFloat32, {-1, 2, 20, 20}}, Tensor::of<float>({1, 2, 20, 20}, std::span<const float>(pixels))),
      (Values{-2.5, deviation, -7, 3, -2.5, deviation, -7, 3}));
}

TEST(Features, WhatIsNoNumberIsMissing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Values values = read({"x", DType::kFloat32, {-1, -1}}, Tensor::of<float>({1, 3}, {1, nan, 2}));
  ASSERT_EQ(values.size(), 4U);
  for (const double value : values) EXPECT_FALSE(is_counted(value));
  EXPECT_FALSE(is_counted(read({"x", DType::kFloat32, {-1, -1}}, Tensor::of<float>({1, 0}, {}))[2])) << "of nothing";
  EXPECT_FALSE(is_counted(read({"x", DType::kFloat32, {-1, 2}}, Tensor::of<float>({1, 2}, {1, nan}))[1]));
}

TEST(Features, TextHasNone) {
  for (const DType dtype : {DType::kString, DType::kInt4, DType::kComplex64, DType::kFloat8E5M2})
    EXPECT_TRUE(names_of({"x", dtype, {-1, 2}}).empty());
}

TEST(Features, ARecordNamesTheOnlyInput) {
  InputCard card;
  card.kind = InputKind::kRecord;
  card.fields = {{"temperature"}, {"load"}};
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 2}}, &card), (Names{"temperature", "load"}));
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, 3}}, &card)[0], "x[0]") << "not as many";
  EXPECT_EQ(names_of({"x", DType::kFloat32, {-1, -1}}, &card).size(), 4U);
}

TEST(Features, OtherSizesThanDeclaredAreRefused) {
  const std::vector<TensorSpec> specs = {{"x", DType::kFloat32, {-1, 2}}, {"i", DType::kFloat32, {-1, 3, -1, -1}}};
  const auto reader = FeatureReader::make(specs, &kPlain, true);
  ASSERT_OK(reader);
  const Tensor two = Tensor::of<float>({1, 2}, {1, 2});
  const Tensor image = Tensor::of<float>({1, 3, 1, 1}, {1, 2, 3});
  ASSERT_OK(reader->read(std::vector<NamedTensor>{{"i", image}, {"x", two}}));
  EXPECT_ERROR(reader->read(std::vector<NamedTensor>{{"i", image}}), Code::kInvalid, "no 'x'");
  EXPECT_ERROR(reader->read(std::vector<NamedTensor>{{"i", image}, {"x", image}}), Code::kInvalid, "2 elements");
  EXPECT_ERROR(reader->read(std::vector<NamedTensor>{{"i", two}, {"x", two}}), Code::kInvalid, "3 channels");
}

TEST(Features, ThereIsALimit) {
  std::vector<TensorSpec> specs;
  for (int i = 0; i < 64; ++i) specs.push_back({"x" + std::to_string(i), DType::kFloat32, {-1, 64}});
  ASSERT_OK(FeatureReader::make(specs, &kPlain, true));
  specs.push_back({"y", DType::kFloat32, {-1, 1}});
  EXPECT_ERROR(FeatureReader::make(specs, &kPlain, true), Code::kExhausted, "4096");
}

}  // namespace
}  // namespace arete::watch
