// A model runs over samples, and its inputs and answers become a reference.
#include "proof/reference_run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/proof/fakes.h"
#include "tests/support/assert.h"

namespace arete::proof {
namespace {

using engine::ValueInfo;
using Counts = std::vector<std::uint64_t>;

Sample sample(std::initializer_list<float> row) {
  return {{{"x", Tensor::of<float>({1, static_cast<std::int64_t>(row.size())}, row)}}, std::nullopt, "a row"};
}

// Its output is its input.
FakeSession echo(Shape shape, const std::string& output = "y") {
  return {{{"x", DType::kFloat32, shape}}, {{output, DType::kFloat32, shape}}, [](std::span<const NamedTensor> inputs) {
            return Result<std::vector<Tensor>>(std::vector<Tensor>{inputs[0].tensor});
          }};
}

ReferenceOptions options(OutputCard output) {
  ReferenceOptions made;
  made.card.emplace().output = std::move(output);
  made.predictor = "variant main";
  return made;
}

FakeSource three() { return FakeSource({sample({1, 2}), sample({7, 3}), sample({1, 4})}); }

TEST(MakeReference, CountsInputsAndClasses) {
  FakeSession session = echo({-1, 2});
  FakeSource source = three();
  const auto made = make_reference(session, source, options({OutputKind::kClassification, Activation::kSoftmax, {}}));
  ASSERT_OK(made);
  const watch::Reference& reference = made->reference;
  EXPECT_EQ(reference.predictor, "variant main");
  EXPECT_EQ(reference.samples, 3U);
  EXPECT_EQ(reference.features[0].counts, (Counts{2, 1}));
  EXPECT_EQ(reference.features[1].counts, (Counts{1, 1, 1}));
  EXPECT_EQ(reference.classes->counts, (Counts{1, 2}));
  EXPECT_DOUBLE_EQ(reference.confidence->minimum, 1 / (1 + std::exp(-1.0)));
  EXPECT_TRUE(reference.outputs.empty());
  EXPECT_EQ(session.largest_batch, 1) << "as requests come";
}

TEST(MakeReference, CountsTheValuesOfOtherOutputs) {
  FakeSession session = echo({-1, 2});
  FakeSource source = three();
  const auto made = make_reference(session, source, options({}));
  ASSERT_OK(made);
  ASSERT_EQ(made->reference.outputs.size(), 2U);
  EXPECT_EQ(made->reference.outputs[0].name, "y[0]");
  EXPECT_EQ(made->reference.outputs[0].counts, (Counts{2, 1}));
  EXPECT_FALSE(made->reference.classes || made->reference.confidence);
}

TEST(MakeReference, OneScoreIsAYesOrANo) {
  FakeSession session = echo({-1, 1});
  FakeSource source({sample({0.25}), sample({0.75}), sample({0.5})});
  const auto made = make_reference(session, source, options({OutputKind::kClassification, Activation::kNone, {}}));
  ASSERT_OK(made);
  EXPECT_EQ(made->reference.classes->counts, (Counts{2, 1}));
  EXPECT_EQ(made->reference.confidence->counts, (Counts{1, 2}));
  EXPECT_EQ(made->reference.confidence->maximum, 0.75);
}

// A batch of four that takes no other: what only fills it is not counted.
TEST(MakeReference, FillsAFixedBatch) {
  FakeSession session = echo({4, 2});
  FakeSource source({sample({1, 2}), sample({2, 2}), sample({3, 2}), sample({4, 2}), sample({5, 9})});
  const auto made = make_reference(session, source, options({}));
  ASSERT_OK(made);
  EXPECT_EQ(session.runs, 2);
  EXPECT_EQ(made->reference.samples, 5U);
  EXPECT_EQ(made->reference.features[0].counts, Counts(5, 1));
  EXPECT_EQ(made->reference.outputs[1].counts, (Counts{4, 1}));
}

TEST(MakeReference, LeavesOutWhatCannotBeUsed) {
  FakeSession session = echo({-1, 2});
  FakeSource source({sample({1, 2}), Error{Code::kCorrupt, "bad.png"}, sample({1, 2, 3}), sample({3, 4})});
  const auto made = make_reference(session, source, options({}));
  ASSERT_OK(made);
  EXPECT_EQ(made->reference.samples, 2U);
  EXPECT_EQ(made->skipped, 2U);
  ASSERT_EQ(made->reasons.size(), 2U);
  EXPECT_EQ(made->reasons[0], "bad.png");
  EXPECT_TRUE(made->reasons[1].starts_with("a row: ")) << made->reasons[1];
  FakeSource nothing({Error{Code::kCorrupt, "bad.png"}});
  EXPECT_ERROR(make_reference(session, nothing, options({})), Code::kInvalid, "bad.png");
  FakeSource none({});
  EXPECT_ERROR(make_reference(session, none, options({})), Code::kInvalid, "no sample");
}

TEST(MakeReference, AnAnswerMayBeNoNumber) {
  FakeSession session({{"x", DType::kFloat32, {-1, 2}}}, {{"y", DType::kFloat32, {-1, 2}}},
                      [](std::span<const NamedTensor>) {
                        return Result<std::vector<Tensor>>(std::vector{Tensor::of<float>({1, 2}, {NAN, NAN})});
                      });
  FakeSource source = three();
  const auto made = make_reference(session, source, options({OutputKind::kClassification, Activation::kNone, {}}));
  ASSERT_OK(made);
  EXPECT_EQ(made->reference.classes->missing, 3U);
  EXPECT_EQ(made->reference.confidence->missing, 3U);
}

TEST(MakeReference, RefusesWhatIsNoClassification) {
  FakeSession session = echo({-1, 2, 2});
  FakeSource source({Sample{{{"x", Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4})}}, std::nullopt, "a row"}});
  EXPECT_ERROR(make_reference(session, source, options({OutputKind::kClassification, Activation::kNone, {}})),
               Code::kInvalid, "names no class");
}

TEST(MakeReference, HasALimitBeforeItRuns) {
  std::vector<ValueInfo> values;
  for (int i = 0; i < 33; ++i) values.push_back({"x" + std::to_string(i), DType::kFloat32, {-1, 64}});
  FakeSession session(values, values, [](std::span<const NamedTensor>) { return Error{Code::kBug, "ran"}; });
  FakeSource source = three();
  EXPECT_ERROR(make_reference(session, source, options({})), Code::kExhausted, "4096");
  FakeSession many = echo({-1, 200'000});
  EXPECT_ERROR(make_reference(many, source, options({OutputKind::kClassification, Activation::kNone, {}})),
               Code::kExhausted, "200000 classes");
}

TEST(MakeReference, StopsOnRequestAndAtItsLimit) {
  FakeSession session = echo({-1, 2});
  FakeSource source = three();
  ReferenceOptions two = options({});
  two.max_samples = 2;
  EXPECT_EQ(make_reference(session, source, two)->reference.samples, 2U);
  Progress progress;
  progress.stop_requested = [] { return true; };
  EXPECT_ERROR(make_reference(session, source, two, progress), Code::kCancelled, "stopped");
}

}  // namespace
}  // namespace arete::proof
