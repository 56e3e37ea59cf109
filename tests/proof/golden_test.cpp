// Golden inputs as a file, and what makes a model fail them.
#include "proof/golden.h"

#include <cmath>

#include "core/npy.h"
#include "proof/batch_check.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

using engine::ValueInfo;

const std::vector<ValueInfo> kInputs = {{"x", DType::kFloat32, {-1, 2}}, {"k/n", DType::kInt64, {-1}}};
const std::vector<ValueInfo> kOutputs = {{"y", DType::kFloat32, {-1, 2}}};

Golden two_samples() {
  Golden golden;
  for (const float value : {1.0F, -2.0F}) {
    golden.samples.push_back(
        {{{"x", Tensor::of<float>({1, 2}, {value, 3})}, {"k/n", Tensor::of<std::int64_t>({1}, {7})}},
         {{"y", Tensor::of<float>({1, 2}, {2 * value, 6})}}});
  }
  golden.tolerances = {0.1};
  return golden;
}

// y = factor * x
RunModel times(float factor) {
  return [factor](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    Tensor y = inputs[0].tensor;
    for (float& value : y.mutable_data<float>()) value *= factor;
    return std::vector<Tensor>{std::move(y)};
  };
}

Result<Golden> parse(const std::string& bytes, std::span<const ValueInfo> inputs = kInputs) {
  return parse_golden(std::as_bytes(std::span(bytes)), inputs, kOutputs);
}

TEST(Golden, ComesBackFromItsFile) {
  const auto bytes = write_golden(two_samples());
  ASSERT_OK(bytes);
  const Result<Golden> golden = parse(*bytes);
  ASSERT_OK(golden);
  ASSERT_EQ(golden->samples.size(), 2U);
  EXPECT_EQ(golden->samples[1].inputs[0].tensor.data<float>()[0], -2.0F);
  EXPECT_EQ(golden->samples[1].inputs[1].name, "k/n");
  EXPECT_EQ(golden->samples[1].outputs[0].tensor.shape(), (Shape{1, 2}));
  EXPECT_EQ(golden->tolerances, (std::vector<double>{0.1}));
}

TEST(Golden, AnswersMayBeMissing) {
  Golden golden = two_samples();
  for (GoldenSample& sample : golden.samples) sample.outputs.clear();
  const Result<Golden> back = parse(*write_golden(golden));
  ASSERT_OK(back);
  EXPECT_FALSE(back->has_outputs());
}

TEST(Golden, WhatDoesNotFitTheModelIsRefused) {
  const std::string bytes = *write_golden(two_samples());
  EXPECT_ERROR(parse(bytes, std::vector<ValueInfo>{{"z", DType::kFloat32, {-1, 2}}}), Code::kInvalid, "input/z");
  EXPECT_ERROR(parse(bytes, std::vector<ValueInfo>{{"x", DType::kFloat64, {-1, 2}}}), Code::kInvalid, "input/x");
  EXPECT_FALSE(parse(bytes, std::vector<ValueInfo>{{"x", DType::kFloat32, {-1, 3}}, kInputs[1]}));
  EXPECT_FALSE(parse("no archive"));
  const auto without = write_npz(std::vector<NamedTensor>{{"input/x", Tensor::of<float>({1, 1, 2}, {1, 2})},
                                                          {"input/k/n", Tensor::of<std::int64_t>({1, 1}, {1})},
                                                          {"output/y", Tensor::of<float>({1, 1, 2}, {1, 2})}});
  EXPECT_ERROR(parse(*without), Code::kInvalid, "tolerance/y");
}

TEST(Golden, AModelMustGiveTheAnswersWithinTheTolerance) {
  ASSERT_OK(check_golden(two_samples(), times(2)));
  ASSERT_OK(check_golden(two_samples(), times(2.1F)));
  EXPECT_ERROR(check_golden(two_samples(), times(3)), Code::kInvalid, "golden sample 0");
}

// ---- Batches ----

struct Asked {
  std::vector<ValueInfo> inputs = {{"x", DType::kFloat32, {-1, 2}}};
  std::vector<ValueInfo> outputs = {{"y", DType::kFloat32, {-1, 2}}};
  RunModel run = times(2);
};

BatchVerdict verdict_of(const Asked& asked, std::int64_t max_rows = 8, const Tolerance& tolerance = kBatchTolerance) {
  const Result<Golden> golden = random_golden(asked.inputs, 1);
  const auto alone = check_golden(*golden, asked.run);
  BatchQuestion question;
  question.inputs = asked.inputs;
  question.outputs = asked.outputs;
  question.max_rows = max_rows;
  question.tolerance = tolerance;
  return check_batching(question, *golden, *alone, asked.run);
}

TEST(BatchCheck, RowsThatDoNotMeetMayRunTogether) { EXPECT_EQ(verdict_of({}).max_rows, 8); }

TEST(BatchCheck, AScaleOverTheWholeBatchIsFound) {
  Asked asked;
  asked.run = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    // As dynamic int8 does it: one scale for all rows.
    Tensor y = inputs[0].tensor;
    float most = 0;
    for (const float value : y.data<float>()) most = std::max(most, std::abs(value));
    const float scale = most == 0 ? 1 : most / 127;
    for (float& value : y.mutable_data<float>()) value = std::round(value / scale) * scale;
    return std::vector<Tensor>{std::move(y)};
  };
  const BatchVerdict verdict = verdict_of(asked);
  EXPECT_EQ(verdict.max_rows, 1);
  EXPECT_NE(verdict.why.find("beside others"), std::string::npos) << verdict.why;
  // The operator may allow that.
  EXPECT_EQ(verdict_of(asked, 8, {.of_largest = 0.5}).max_rows, 8);
}

// Only a neighbour at the end of the range shows it.
TEST(BatchCheck, ACompanionAtTheEndOfTheRangeIsTried) {
  Asked asked;
  asked.run = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    Tensor y = inputs[0].tensor;
    const std::span<float> values = y.mutable_data<float>();
    bool zeros = false;
    for (std::size_t row = 0; row < values.size() / 2; ++row)
      zeros = zeros || (values[2 * row] == 0 && values[2 * row + 1] == 0);
    if (zeros && values.size() > 2) values[0] += 1;
    return std::vector<Tensor>{std::move(y)};
  };
  EXPECT_EQ(verdict_of(asked).max_rows, 1);
}

TEST(BatchCheck, OutputsThatCannotBeToldApartAreNoBatch) {
  Asked asked;
  asked.run = [](std::span<const NamedTensor>) -> Result<std::vector<Tensor>> {
    return std::vector<Tensor>{Tensor::of<float>({1, 2}, {1, 2})};
  };
  EXPECT_EQ(verdict_of(asked).max_rows, 1);
  Asked fixed;
  fixed.outputs = {{"y", DType::kFloat32, {1, 2}}};
  EXPECT_EQ(verdict_of(fixed).max_rows, 1);
}

TEST(BatchCheck, AModelThatFailsInBatchesRunsAlone) {
  Asked asked;
  asked.run = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    if (inputs[0].tensor.shape()[0] == 3) return Error{Code::kInvalid, "three"};
    return times(1)(inputs);
  };
  const BatchVerdict verdict = verdict_of(asked);
  EXPECT_EQ(verdict.max_rows, 1);
  EXPECT_EQ(verdict.why, "three");
}

TEST(BatchCheck, IntegersMustBeEqual) {
  Asked asked;
  asked.inputs = {{"x", DType::kInt32, {-1}}};
  asked.outputs = {{"y", DType::kInt32, {-1}}};
  asked.run = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    Tensor y = inputs[0].tensor;
    if (y.size() > 1) y.mutable_data<std::int32_t>()[0] += 1;
    return std::vector<Tensor>{std::move(y)};
  };
  EXPECT_EQ(verdict_of(asked, 8, {.of_largest = 1}).max_rows, 1);
}

}  // namespace
}  // namespace arete::proof
