// Candidates against their original on sessions that compute by a function.
#include "proof/accuracy.h"

#include <gtest/gtest.h>

#include <set>

#include "proof/sample_batch.h"
#include "tests/proof/fakes.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

using engine::ValueInfo;

const std::vector<ValueInfo> kIn = {{"x", DType::kFloat32, {-1, 1}}};
const std::vector<ValueInfo> kOut = {{"scores", DType::kFloat32, {-1, 3}}};

// Scores of three classes around the number that a row holds: `shift` moves the answer.
Compute classify(float shift, float noise = 0) {
  return [shift, noise](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    std::vector<float> scores;
    for (const float x : inputs[0].tensor.data<float>()) {
      for (int c = 0; c < 3; ++c) {
        scores.push_back(-std::abs(x + shift - static_cast<float>(c)) + noise);
      }
    }
    const std::int64_t rows = inputs[0].tensor.shape()[0];
    return std::vector<Tensor>{Tensor::of<float>({rows, 3}, std::span<const float>(scores))};
  };
}

Sample sample_of_number(float x, std::optional<std::int64_t> label = {}) {
  return {{{"x", Tensor::of<float>({1, 1}, {x})}}, label, "row " + std::to_string(x)};
}

// 0, 1, 2, 0, 1, ... with labels that are right for the unshifted classifier but for every tenth.
FakeSource numbers(int count) {
  std::vector<FakeSource::Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.emplace_back(sample_of_number(static_cast<float>(i % 3), i % 10 == 9 ? (i + 2) % 3 : i % 3));
  }
  return FakeSource(std::move(rows));
}

Result<Comparison> compare(FakeSession& original, FakeSession& candidate, SampleSource& source,
                           const CompareOptions& options = {}) {
  engine::Session* const candidates[] = {&candidate};
  return compare_outputs(original, candidates, source, options);
}

TEST(CompareOutputs, CountsTop1AndLabels) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0.6F));  // 0 -> 1, 1 -> 2, 2 -> 2
  FakeSource source = numbers(300);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_EQ(result->samples, 300);
  const Agreement& agreement = result->candidates[0];
  EXPECT_EQ(agreement.samples, 300);
  EXPECT_NEAR(*agreement.top1, 1.0 / 3, 1e-12);
  ASSERT_TRUE(agreement.accuracy.has_value());
  EXPECT_EQ(agreement.accuracy->samples(), 300);
  EXPECT_DOUBLE_EQ(agreement.accuracy->original(), 0.9);
  EXPECT_NEAR(agreement.accuracy->candidate(), 0.3, 1e-12);
  EXPECT_NEAR(agreement.accuracy->delta_points(), -60, 1e-9);
  EXPECT_LT(agreement.accuracy->delta_points_interval().low, -60);
  EXPECT_GT(agreement.accuracy->delta_points_interval().high, -60);
  EXPECT_LT(agreement.accuracy->p_value(), 1e-6);
  EXPECT_TRUE(agreement.accuracy->is_weak());
  EXPECT_FALSE(agreement.is_exact());
  EXPECT_TRUE(agreement.sqnr_db().has_value());
  EXPECT_EQ(original.largest_batch, 32);
  EXPECT_LE(original.runs, 12);
}

TEST(CompareOutputs, FindsEqualModelsExact) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource source = numbers(600);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  const Agreement& agreement = result->candidates[0];
  EXPECT_TRUE(agreement.is_exact());
  EXPECT_FALSE(agreement.sqnr_db().has_value());
  EXPECT_EQ(*agreement.top1, 1.0);
  EXPECT_EQ(agreement.accuracy->delta_points(), 0);
  EXPECT_FALSE(agreement.accuracy->is_weak());
  EXPECT_EQ(agreement.accuracy->p_value(), 1);
}

TEST(CompareOutputs, GivesTheSameNumbersForAnyBatch) {
  std::set<double> agreements;
  std::set<double> ratios;
  for (const int batch : {1, 7, 32}) {
    FakeSession original(kIn, kOut, classify(0.25F));
    FakeSession candidate(kIn, kOut, classify(0.3F, 0.01F));
    FakeSource source = numbers(100);
    CompareOptions options;
    options.batch = batch;
    const auto result = compare(original, candidate, source, options);
    ASSERT_OK(result);
    EXPECT_EQ(original.largest_batch, batch);
    agreements.insert(*result->candidates[0].top1);
    ratios.insert(*result->candidates[0].sqnr_db());
  }
  EXPECT_EQ(agreements.size(), 1U);
  EXPECT_EQ(ratios.size(), 1U);
}

TEST(CompareOutputs, RunsFixedModelsOneByOne) {
  const std::vector<ValueInfo> fixed = {{"x", DType::kFloat32, {1, 1}}};
  FakeSession original(fixed, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource source = numbers(10);
  ASSERT_OK(compare(original, candidate, source));
  EXPECT_EQ(original.largest_batch, 1);
  EXPECT_EQ(original.runs, 10);
}

// A candidate whose answers depend on what else is in its batch, as those of dynamic int8 do.
TEST(CompareOutputs, GivesSingleSamplesToWhomABatchChanges) {
  const auto row_of_batch = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    const std::int64_t rows = inputs[0].tensor.shape()[0];
    return classify(rows > 1 ? 1.0F : 0.0F)(inputs);
  };
  FakeSession original(kIn, kOut, classify(0));
  FakeSession in_batches(kIn, kOut, row_of_batch);
  FakeSession alone(kIn, kOut, row_of_batch);
  FakeSource source = numbers(100);
  engine::Session* const candidates[] = {&in_batches, &alone};
  CompareOptions options;
  options.one_by_one = {false, true};
  const auto result = compare_outputs(original, candidates, source, options);
  ASSERT_OK(result);
  EXPECT_LT(*result->candidates[0].top1, 0.5);
  EXPECT_DOUBLE_EQ(*result->candidates[1].top1, 1.0);
  EXPECT_TRUE(result->candidates[1].is_exact());
  EXPECT_EQ(result->candidates[1].samples, 100);
  EXPECT_EQ(alone.largest_batch, 1);
  EXPECT_GT(original.largest_batch, 1);
}

// A state [1,N,H] or a mean over the batch cannot be joined from single samples.
TEST(CompareOutputs, GoesOnOneByOneWhereAnOutputIsNoRowASample) {
  const std::vector<ValueInfo> with_state = {{"scores", DType::kFloat32, {-1, 3}}, {"state", DType::kFloat32, {1, -1}}};
  const Compute compute = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    ASSIGN_OR_RETURN(std::vector<Tensor> outputs, classify(0)(inputs));
    const Tensor& x = inputs[0].tensor;
    outputs.push_back(*x.reshaped({1, x.shape()[0]}));
    return outputs;
  };
  const std::vector<ValueInfo> unsaid = {{"scores", DType::kFloat32, {-1, 3}}, {"state", DType::kFloat32, {}, false}};
  for (const auto& outputs : {with_state, unsaid}) {
    FakeSession original(kIn, outputs, compute);
    FakeSession candidate(kIn, outputs, compute);
    FakeSource source = numbers(50);
    CompareOptions options;
    options.one_by_one = {true};
    const auto result = compare(original, candidate, source, options);
    ASSERT_OK(result);
    EXPECT_FALSE(result->candidates[0].failure.has_value());
    EXPECT_TRUE(result->candidates[0].is_exact());
    EXPECT_EQ(result->candidates[0].samples, 50);
  }
}

// Bools are answers and wide integers are numbers: neither has a highest class.
TEST(CompareOutputs, TakesOnlyScoresForScores) {
  const auto pairs = [](bool second) -> Compute {
    return [second](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
      Result<Tensor> labels = Tensor::zeros(DType::kBool, {inputs[0].tensor.shape()[0], 2});
      for (std::size_t i = 0; i < labels->size_bytes(); ++i)
        labels->mutable_bytes()[i] = static_cast<std::byte>(i % 2 == 0 || second);
      return std::vector<Tensor>{std::move(*labels)};
    };
  };
  const std::vector<ValueInfo> two = {{"labels", DType::kBool, {-1, 2}}};
  FakeSession original(kIn, two, pairs(false));
  FakeSession candidate(kIn, two, pairs(true));
  FakeSource source = numbers(10);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_FALSE(result->candidates[0].top1.has_value());
  EXPECT_FALSE(result->candidates[0].accuracy.has_value());
  EXPECT_DOUBLE_EQ(result->candidates[0].outputs[0].equal_fraction(), 0.5);
}

TEST(CompareOutputs, FillsTheBatchesOfAModelWithAFixedOne) {
  const std::vector<ValueInfo> four = {{"x", DType::kFloat32, {4, 1}}};
  FakeSession original(four, {{"scores", DType::kFloat32, {4, 3}}}, classify(0));
  FakeSession candidate(four, {{"scores", DType::kFloat32, {4, 3}}}, classify(0.6F));
  FakeSource source = numbers(30);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_EQ(result->samples, 30);
  EXPECT_EQ(original.runs, 8);
  EXPECT_DOUBLE_EQ(result->candidates[0].accuracy->original(), 0.9);
  EXPECT_NEAR(result->candidates[0].accuracy->candidate(), 0.3, 1e-12);
}

TEST(CompareOutputs, JudgesTheOneScoreOfAYesNoClassifier) {
  const std::vector<ValueInfo> one = {{"p", DType::kFloat32, {-1, 1}}};
  const auto passes = [](float shift) -> Compute {
    return [shift](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
      std::vector<float> scores;
      for (const float x : inputs[0].tensor.data<float>()) scores.push_back(x + shift);
      return std::vector<Tensor>{Tensor::of<float>({inputs[0].tensor.shape()[0], 1}, std::span<const float>(scores))};
    };
  };
  FakeSession original(kIn, one, passes(0));
  FakeSession candidate(kIn, one, passes(-0.3F));
  std::vector<FakeSource::Row> rows;
  for (int i = 0; i < 10; ++i) rows.emplace_back(sample_of_number(0.1F * static_cast<float>(i), i > 5 ? 1 : 0));
  CompareOptions options;
  FakeSource unused(rows);
  const auto without = compare(original, candidate, unused, options);
  ASSERT_OK(without);
  EXPECT_FALSE(without->candidates[0].accuracy.has_value());
  options.yes_above = 0.5;
  FakeSource source(rows);
  const auto result = compare(original, candidate, source, options);
  ASSERT_OK(result);
  EXPECT_DOUBLE_EQ(result->candidates[0].accuracy->original(), 1.0);
  EXPECT_DOUBLE_EQ(result->candidates[0].accuracy->candidate(), 0.7);  // 0.6, 0.7 and 0.8 became a no
  EXPECT_DOUBLE_EQ(*result->candidates[0].top1, 0.7);
}

// One number that is no floating score names no class, whatever the card says.
TEST(CompareOutputs, TakesNoIntegerForAScore) {
  const std::vector<ValueInfo> one = {{"n", DType::kInt64, {-1, 1}}};
  const auto says = [](std::int64_t number) -> Compute {
    return [number](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
      const std::vector<std::int64_t> numbers(static_cast<std::size_t>(inputs[0].tensor.shape()[0]), number);
      return std::vector<Tensor>{
          Tensor::of<std::int64_t>({inputs[0].tensor.shape()[0], 1}, std::span<const std::int64_t>(numbers))};
    };
  };
  FakeSession original(kIn, one, says(3));
  FakeSession candidate(kIn, one, says(7));
  FakeSource source({sample_of_number(0, 3), sample_of_number(1, 3)});
  CompareOptions options;
  options.yes_above = 0.5;
  const auto result = compare(original, candidate, source, options);
  ASSERT_OK(result);
  EXPECT_FALSE(result->candidates[0].top1.has_value());
  EXPECT_FALSE(result->candidates[0].is_exact());
}

TEST(CompareOutputs, RefusesLabelsThatAreNoClasses) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  for (const std::int64_t label : {-1, 3}) {
    FakeSource source({sample_of_number(0, 2), sample_of_number(1, label)});
    EXPECT_ERROR(compare(original, candidate, source), Code::kInvalid,
                 "label " + std::to_string(label) + " is out of range, the model has 3 classes (0..2)");
  }
}

TEST(CompareOutputs, GoesOnOneByOneWhereTheInsideIsFixed) {
  const Compute only_one = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    if (inputs[0].tensor.shape()[0] != 1) return Error{Code::kInvalid, "Reshape"};
    return classify(0)(inputs);
  };
  FakeSession original(kIn, kOut, only_one);
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource source = numbers(100);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_EQ(result->samples, 100);
  EXPECT_EQ(result->skipped, 0);
  EXPECT_LE(original.runs, 102);  // one batch failed, and taught us
}

TEST(CompareOutputs, SkipsWhatCannotBeReadOrRun) {
  std::vector<FakeSource::Row> rows;
  for (int i = 0; i < 100; ++i) rows.emplace_back(sample_of_number(1));
  for (int i = 0; i < 7; ++i) rows[static_cast<std::size_t>(i) * 10] = Error{Code::kCorrupt, "dog/3.jpg: cut short"};
  Sample wide = sample_of_number(1);
  wide.inputs[0].tensor = Tensor::of<float>({1, 2}, {1, 2});
  wide.origin = "wide";
  rows[55] = wide;
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource source(std::move(rows));
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_EQ(result->samples, 92);
  EXPECT_EQ(result->skipped, 8);
  EXPECT_EQ(result->errors.size(), kMaxKeptReasons);
  EXPECT_EQ(result->errors[0], "dog/3.jpg: cut short");
}

TEST(CompareOutputs, SaysWhenNothingIsLeft) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource none({});
  EXPECT_ERROR(compare(original, candidate, none), Code::kInvalid, "no sample");
  FakeSource bad({Error{Code::kCorrupt, "a.png: no image"}, Error{Code::kCorrupt, "b.png"}});
  EXPECT_ERROR(compare(original, candidate, bad), Code::kInvalid,
               "none of 2 samples could be used; the first: a.png: no image");
}

TEST(CompareOutputs, GivesUpACandidateThatFailsAndKeepsTheOthers) {
  const Compute fails = [](std::span<const NamedTensor>) -> Result<std::vector<Tensor>> {
    return Error{Code::kInvalid, "broken"};
  };
  FakeSession original(kIn, kOut, classify(0));
  FakeSession broken(kIn, kOut, fails);
  FakeSession other_output(kIn, {{"logits", DType::kFloat32, {-1, 3}}}, classify(0));
  FakeSession good(kIn, kOut, classify(0));
  FakeSource source = numbers(50);
  engine::Session* const candidates[] = {&broken, &other_output, &good};
  const auto result = compare_outputs(original, candidates, source, {});
  ASSERT_OK(result);
  EXPECT_EQ(result->candidates[0].failure->message, "row 0.000000: broken");
  EXPECT_EQ(result->candidates[1].failure->message, "output 'scores' is missing");
  EXPECT_FALSE(result->candidates[2].failure.has_value());
  EXPECT_EQ(result->candidates[2].samples, 50);
  EXPECT_EQ(broken.runs, 1);
}

TEST(CompareOutputs, MatchesOutputsByNameAndTakesTheWorst) {
  const auto pair = [](float a, float b) -> Compute {
    return [a, b](std::span<const NamedTensor>) -> Result<std::vector<Tensor>> {
      return std::vector<Tensor>{Tensor::of<float>({1}, {a}), Tensor::of<float>({1}, {b})};
    };
  };
  FakeSession original(kIn, {{"a", DType::kFloat32, {1}}, {"b", DType::kFloat32, {1}}}, pair(10, 20));
  FakeSession candidate(kIn, {{"b", DType::kFloat32, {1}}, {"a", DType::kFloat32, {1}}}, pair(20.2F, 11));
  FakeSource source({sample_of_number(0)});
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  const Agreement& agreement = result->candidates[0];
  EXPECT_NEAR(*agreement.outputs[0].sqnr_db(), 20, 1e-9);  // 10 against 11
  EXPECT_NEAR(*agreement.outputs[1].sqnr_db(), 40, 1e-4);  // 20 against 20.2
  EXPECT_NEAR(*agreement.sqnr_db(), 20, 1e-9);
  EXPECT_FALSE(agreement.top1.has_value());
  EXPECT_FALSE(agreement.accuracy.has_value());
}

TEST(CompareOutputs, FlagsNewNanAndInfinity) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0, std::numeric_limits<float>::infinity()));
  FakeSource source = numbers(10);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_TRUE(result->candidates[0].has_new_non_finite());
}

TEST(CompareOutputs, KeepsBatchesOfLargeOutputsSmall) {
  // 8 MiB a row and model: at most four rows at a time.
  const Compute large = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    return std::vector<Tensor>{*Tensor::zeros(DType::kFloat32, {inputs[0].tensor.shape()[0], 1 << 21})};
  };
  FakeSession original(kIn, {{"y", DType::kFloat32, {-1, 1 << 21}}}, large);
  FakeSession candidate(kIn, {{"y", DType::kFloat32, {-1, 1 << 21}}}, large);
  FakeSource source = numbers(12);
  ASSERT_OK(compare(original, candidate, source));
  EXPECT_LE(original.largest_batch, 4);
  EXPECT_GE(original.largest_batch, 3);
}

TEST(CompareOutputs, StopsAtTheLimitAndOnRequest) {
  FakeSession original(kIn, kOut, classify(0));
  FakeSession candidate(kIn, kOut, classify(0));
  FakeSource source = numbers(100);
  CompareOptions options;
  options.max_samples = 40;
  EXPECT_EQ(compare(original, candidate, source, options)->samples, 40);
  ASSERT_OK(source.rewind());
  std::int64_t last = 0;
  Progress progress;
  progress.report = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 100);
    last = done;
  };
  progress.stop_requested = [&] { return last >= 33; };
  engine::Session* const candidates[] = {&candidate};
  EXPECT_ERROR(compare_outputs(original, candidates, source, {}, progress), Code::kCancelled, "");
  EXPECT_EQ(last, 33);
}

TEST(CompareOutputs, ComparesClassNumbersWithLabels) {
  const Compute numbers_out = [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
    const std::int64_t rows = inputs[0].tensor.shape()[0];
    return std::vector<Tensor>{*Tensor::zeros(DType::kInt64, {rows})};
  };
  FakeSession original(kIn, {{"label", DType::kInt64, {-1}}}, numbers_out);
  FakeSession candidate(kIn, {{"label", DType::kInt64, {-1}}}, numbers_out);
  FakeSource source = numbers(30);
  const auto result = compare(original, candidate, source);
  ASSERT_OK(result);
  EXPECT_FALSE(result->candidates[0].top1.has_value());
  EXPECT_NEAR(result->candidates[0].accuracy->original(), 10.0 / 30, 1e-12);
}

}  // namespace
}  // namespace arete::proof
