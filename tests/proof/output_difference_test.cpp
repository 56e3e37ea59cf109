// Differences of outputs against numbers that numpy 2.4 gave, and the classes of top-1.
#include "proof/output_difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "proof/top1.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor floats(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(OutputDifference, EqualsNumpy) {
  // 10 log10(sum x^2 / sum (x - y)^2) in float64 of float32 values, in two halves.
  OutputDifference difference("y");
  ASSERT_OK(difference.add(floats({1, -2}), floats({1.1F, -2.05F})));
  ASSERT_OK(difference.add(floats({3, 0.5F}), floats({2.9F, 0.5F})));
  EXPECT_NEAR(*difference.sqnr_db(), 28.016327143890862, 1e-12);
  EXPECT_NEAR(difference.max_abs_difference(), 0.10000002384185791, 1e-15);
  EXPECT_DOUBLE_EQ(difference.equal_fraction(), 0.25);
  EXPECT_FALSE(difference.is_exact());
}

TEST(OutputDifference, TakesHalvesAndMixedDtypes) {
  const std::vector<std::uint16_t> x = {0x3C00, 0xC000, 0x4200, 0x3800};  // 1, -2, 3, 0.5
  const std::vector<std::uint16_t> y = {15462, 49178, 16845, 14336};      // 1.1, -2.05, 2.9, 0.5
  const Tensor half_x = *Tensor::wrap(DType::kFloat16, {4}, share_bytes(x));
  const Tensor half_y = *Tensor::wrap(DType::kFloat16, {4}, share_bytes(y));
  OutputDifference halves("y");
  ASSERT_OK(halves.add(half_x, half_y));
  EXPECT_NEAR(*halves.sqnr_db(), 28.03125204559597, 1e-12);
  OutputDifference mixed("y");
  ASSERT_OK(mixed.add(floats({1, -2, 3, 0.5F}), half_y));
  EXPECT_NEAR(*mixed.sqnr_db(), 28.03125204559597, 1e-12);
}

TEST(OutputDifference, EqualOutputsHaveNoNoise) {
  OutputDifference difference("y");
  ASSERT_OK(difference.add(floats({1, kNan, kInf, -kInf}), floats({1, kNan, kInf, -kInf})));
  EXPECT_FALSE(difference.sqnr_db().has_value());
  EXPECT_TRUE(difference.is_exact());
  EXPECT_EQ(difference.only_original_finite() + difference.only_candidate_finite(), 0);
  OutputDifference empty("y");
  ASSERT_OK(empty.add(floats({}), floats({})));
  EXPECT_TRUE(empty.is_exact());
  EXPECT_EQ(empty.equal_fraction(), 1.0);
}

TEST(OutputDifference, CountsWhatIsNotFiniteInOneAlone) {
  OutputDifference difference("y");
  ASSERT_OK(difference.add(floats({1, 2, kNan, kInf}), floats({kNan, kInf, 3, -kInf})));
  EXPECT_EQ(difference.only_original_finite(), 2);
  EXPECT_EQ(difference.only_candidate_finite(), 1);
  EXPECT_EQ(difference.equal_fraction(), 0.0);
  EXPECT_FALSE(difference.sqnr_db().has_value());  // nothing is finite in both
}

TEST(OutputDifference, StaysWithinItsBounds) {
  OutputDifference silent("y");
  ASSERT_OK(silent.add(floats({0, 0}), floats({1, 0})));
  EXPECT_EQ(*silent.sqnr_db(), -kMaxSqnrDb);
  OutputDifference huge("y");
  const Tensor big = Tensor::of<double>({1}, {1e308});
  ASSERT_OK(huge.add(big, Tensor::of<double>({1}, {-1e308})));
  EXPECT_EQ(*huge.sqnr_db(), -kMaxSqnrDb);
}

TEST(OutputDifference, CountsEqualIntegersStringsAndPackedNumbers) {
  OutputDifference integers("y");
  ASSERT_OK(integers.add(Tensor::of<std::int64_t>({4}, {1, 2, 3, 4}), Tensor::of<std::int64_t>({4}, {1, 2, 3, 9})));
  EXPECT_EQ(integers.equal_fraction(), 0.75);
  EXPECT_EQ(integers.max_abs_difference(), 5);
  EXPECT_FALSE(integers.sqnr_db().has_value());
  EXPECT_FALSE(integers.is_float());
  OutputDifference strings("y");
  ASSERT_OK(strings.add(*Tensor::of_strings({2}, {"a", "b"}), *Tensor::of_strings({2}, {"a", "c"})));
  EXPECT_EQ(strings.equal_fraction(), 0.5);
  OutputDifference packed("y");
  ASSERT_OK(packed.add(*Tensor::zeros(DType::kInt4, {3}), *Tensor::zeros(DType::kInt4, {3})));
  EXPECT_TRUE(packed.is_exact());
  OutputDifference complex("y");
  ASSERT_OK(complex.add(*Tensor::zeros(DType::kComplex64, {3}), *Tensor::zeros(DType::kComplex64, {3})));
  EXPECT_EQ(complex.elements(), 3);
}

TEST(OutputDifference, RefusesWhatCannotBeCompared) {
  OutputDifference difference("scores");
  EXPECT_ERROR(difference.add(floats({1}), floats({1, 2})), Code::kInvalid,
               "output 'scores' was float32[1] and became float32[2]");
  EXPECT_ERROR(difference.add(floats({1}), *Tensor::of_strings({1}, {"1"})), Code::kInvalid, "cannot be compared");
}

TEST(Top1, TakesTheFirstLargestScore) {
  const auto top = top1_of(Tensor::of<float>({3, 3}, {0, 2, 2, kNan, -1, -2, kNan, kNan, kNan}), 3);
  ASSERT_TRUE(top.has_value());
  EXPECT_TRUE(top->from_scores);
  EXPECT_EQ(top->classes, (std::vector<std::int64_t>{1, 1, -1}));
  EXPECT_EQ(top1_of(Tensor::of<std::uint8_t>({1, 2}, {1, 7}), 1)->classes[0], 1);
  EXPECT_EQ(top1_of(Tensor::of<float>({1, 2, 1, 1}, {1, 7}), 1)->classes[0], 1);
}

TEST(Top1, TakesClassNumbers) {
  const auto top = top1_of(Tensor::of<std::int64_t>({2}, {4, 0}), 2);
  ASSERT_TRUE(top.has_value());
  EXPECT_FALSE(top->from_scores);
  EXPECT_EQ(top->classes, (std::vector<std::int64_t>{4, 0}));
}

TEST(Top1, HasNothingToSayOfOtherOutputs) {
  EXPECT_FALSE(top1_of(floats({1, 2}), 2).has_value());
  EXPECT_FALSE(top1_of(Tensor::of<float>({2, 1}, {1, 2}), 2).has_value());
  EXPECT_FALSE(top1_of(Tensor::of<float>({1, 2}, {1, 2}), 2).has_value());
  EXPECT_FALSE(top1_of(Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}), 1).has_value());
  EXPECT_FALSE(top1_of(Tensor::scalar(1.0F), 1).has_value());
  EXPECT_FALSE(top1_of(*Tensor::of_strings({1, 2}, {"a", "b"}), 1).has_value());
}

}  // namespace
}  // namespace arete::proof
