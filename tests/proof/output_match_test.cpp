#include "proof/output_match.h"

#include <cmath>
#include <limits>

#include "tests/support/assert.h"

namespace arete::proof {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Status match(std::initializer_list<float> a, std::initializer_list<float> b, const Tolerance& tolerance = {}) {
  const auto size = static_cast<std::int64_t>(a.size());
  return check_match("y", Tensor::of<float>({size}, a), Tensor::of<float>({size}, b), tolerance);
}

TEST(CheckMatch, ExactMeansEveryBitButWhichNan) {
  ASSERT_OK(match({1, -0.0F, kNan, kInfinity}, {1, -0.0F, -kNan, kInfinity}));
  EXPECT_ERROR(match({0.0F}, {-0.0F}), Code::kInvalid, "element 0");
  EXPECT_ERROR(match({1, 2}, {1, std::nextafter(2.0F, 3.0F)}), Code::kInvalid, "element 1 was 2 and became 2.00000024");
}

TEST(CheckMatch, ToleranceIsOfTheElementOfTheLargestAndAbsolute) {
  ASSERT_OK(match({100, 1}, {100.05F, 1.0F}, {1e-3, 0, 0}));
  EXPECT_ERROR(match({100, 1}, {100, 1.05F}, {1e-3, 0, 0}), Code::kInvalid, "element 1");
  ASSERT_OK(match({100, 1}, {100, 1.05F}, {0, 1e-3, 0}));
  ASSERT_OK(match({0}, {1e-8F}, {0, 0, 1e-7}));
  ASSERT_OK(match({0.0F}, {-0.0F}, {0, 0, 1e-7}));
  EXPECT_ERROR(match({1, 2, 3}, {1.5F, 2.1F, 4}, {0, 0, 0.2}), Code::kInvalid, "element 2");
}

TEST(CheckMatch, WhatIsNotFiniteMustBeTheSame) {
  const Tolerance wide = {1, 1, 1};
  ASSERT_OK(match({kNan, kInfinity, 1}, {kNan, kInfinity, 1.5F}, wide));
  EXPECT_ERROR(match({1}, {kNan}, wide), Code::kInvalid, "became nan");
  EXPECT_ERROR(match({kInfinity}, {-kInfinity}, wide), Code::kInvalid, "was inf and became -inf");
  // An infinite element makes no tolerance infinite.
  EXPECT_ERROR(match({kInfinity, 1}, {kInfinity, 9}, {0, 0.1, 0}), Code::kInvalid, "element 1");
}

TEST(CheckMatch, IntegersStringsAndShapesMustBeEqual) {
  const Tolerance wide = {1, 1, 1};
  EXPECT_ERROR(check_match("i", Tensor::of<std::int32_t>({1}, {1}), Tensor::of<std::int32_t>({1}, {2}), wide),
               Code::kInvalid, "output 'i' differs");
  EXPECT_ERROR(check_match("s", *Tensor::of_strings({1}, {"a"}), *Tensor::of_strings({1}, {"b"}), wide), Code::kInvalid,
               "output 's' differs");
  ASSERT_OK(check_match("s", *Tensor::of_strings({1}, {"a"}), *Tensor::of_strings({1}, {"a"}), {}));
  EXPECT_ERROR(check_match("f", Tensor::of<float>({1}, {1}), Tensor::of<float>({1, 1}, {1}), wide), Code::kInvalid,
               "output 'f' was float32[1] and became float32[1,1]");
  EXPECT_ERROR(check_match("f", Tensor::of<float>({1}, {1}), Tensor::of<double>({1}, {1}), wide), Code::kInvalid,
               "became float64");
}

}  // namespace
}  // namespace arete::proof
