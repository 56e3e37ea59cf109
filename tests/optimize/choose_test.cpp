// The choice among variants, on made-up numbers.
#include "optimize/choose.h"

#include "tests/support/assert.h"

namespace arete::optimize {
namespace {

// 1,000 labelled samples of which the variant loses `lost`.
proof::Agreement agreement(std::int64_t lost) {
  proof::Agreement result;
  result.samples = 1000;
  result.top1 = 1.0 - static_cast<double>(lost) / 1000.0;
  result.accuracy = proof::PairedAccuracy{900 - lost, lost, 0, 100};
  result.outputs.emplace_back("y");
  const Tensor one = Tensor::of<float>({2}, {1.0F, 2.0F});
  const Tensor other = Tensor::of<float>({2}, {1.0F, 2.01F});
  EXPECT_TRUE(result.outputs[0].add(one, other).has_value());
  return result;
}

Variant variant(const std::string& name, std::uint64_t bytes, double speedup, std::int64_t lost) {
  Variant made;
  made.name = name;
  made.bytes = bytes;
  made.report.emplace();
  made.report->latency.speedup = speedup;
  made.report->latency.speedup_interval = {speedup - 0.01, speedup + 0.01};
  made.report->agreement = agreement(lost);
  return made;
}

Outcome outcome(Objective objective, std::vector<Variant> variants) {
  Outcome made;
  made.objective = objective;
  made.original_bytes = 1000;
  made.variants = std::move(variants);
  return made;
}

ChoiceRules rules(bool never_slower, Precision precision = Precision::kAuto) { return {precision, 1.0, never_slower}; }

TEST(Choose, FastestWithinTheAllowedDrop) {
  Outcome o =
      outcome(Objective::kLatency, {variant("a", 900, 1.5, 0), variant("b", 300, 2.0, 5), variant("c", 300, 3.0, 20)});
  choose(o, rules(true));
  ASSERT_TRUE(o.chosen);
  EXPECT_EQ(o.variants[*o.chosen].name, "b");
  EXPECT_TRUE(o.success);
  EXPECT_FALSE(o.slower);
  EXPECT_NE(o.variants[2].why.find("loses 2.00 points"), std::string::npos) << o.variants[2].why;
}

TEST(Choose, SmallestMayBeSlowerAndSaysSo) {
  Outcome o = outcome(Objective::kBytes, {variant("a", 950, 1.0, 0), variant("b", 300, 0.77, 0)});
  choose(o, rules(false));
  ASSERT_TRUE(o.chosen);
  EXPECT_EQ(o.variants[*o.chosen].name, "b");
  EXPECT_TRUE(o.slower);
  EXPECT_NE(o.verdict.find("slower"), std::string::npos);
}

// Equal classes do not excuse a rewritten float graph that computes something else.
TEST(Choose, AFloatGraphThatComputesSomethingElseIsRefused) {
  Variant wrong = variant("float", 500, 2.0, 0);
  wrong.precision = "fp32";
  wrong.report->agreement.outputs.clear();
  wrong.report->agreement.outputs.emplace_back("y");
  ASSERT_OK(wrong.report->agreement.outputs[0].add(Tensor::of<float>({2}, {1.0F, 2.0F}),
                                                   Tensor::of<float>({2}, {1.0F, 2.1F})));
  Outcome o = outcome(Objective::kBytes, {wrong});
  choose(o, rules(true, Precision::kFp32));
  EXPECT_FALSE(o.chosen);
  EXPECT_NE(o.variants[0].why.find("does not compute the same"), std::string::npos) << o.variants[0].why;
}

TEST(Choose, ALargerFloatModelIsNoSuccessWhereBytesCount) {
  Outcome o = outcome(Objective::kBytes, {variant("float", 1100, 1.0, 0)});
  choose(o, rules(false, Precision::kFp32));
  EXPECT_FALSE(o.chosen);
}

TEST(Choose, TheOriginalsGraphIsNoGain) {
  Outcome o = outcome(Objective::kLatency, {variant("float", 1000, 1.0, 0)});
  o.variants[0].is_original = true;
  choose(o, rules(true));
  EXPECT_FALSE(o.chosen);
  EXPECT_NE(o.variants[0].why.find("the original's graph"), std::string::npos) << o.variants[0].why;
}

TEST(Choose, AWeakMeasurementIsNoGain) {
  Outcome o = outcome(Objective::kLatency, {variant("int8", 300, 1.5, 0)});
  o.variants[0].report->latency.weak = true;
  choose(o, rules(true));
  EXPECT_FALSE(o.chosen);
}

TEST(Choose, NeverSlowerExcludesIt) {
  Outcome o = outcome(Objective::kBytes, {variant("b", 300, 0.77, 0)});
  choose(o, rules(true));
  EXPECT_FALSE(o.chosen);
  EXPECT_FALSE(o.success);
  EXPECT_NE(o.variants[0].why.find("slower"), std::string::npos);
}

TEST(Choose, FivePercentAndAnIntervalBeyondOne) {
  Outcome o = outcome(Objective::kLatency, {variant("a", 900, 1.04, 0), variant("b", 900, 1.2, 0)});
  o.variants[1].report->latency.speedup_interval = {0.9, 1.5};
  choose(o, rules(true));
  EXPECT_FALSE(o.chosen);
  EXPECT_NE(o.verdict.find("handed back unchanged"), std::string::npos);
}

TEST(Choose, AnEqualFloatModelIsSuccessForFp32Only) {
  Outcome fp32 = outcome(Objective::kLatency, {variant("float", 1000, 1.0, 0)});
  choose(fp32, rules(true, Precision::kFp32));
  EXPECT_TRUE(fp32.success);
  Outcome any = outcome(Objective::kLatency, {variant("float", 1000, 1.0, 0)});
  choose(any, rules(true));
  EXPECT_FALSE(any.success);
}

TEST(Choose, WithoutLabelsDisagreementIsTheBound) {
  Outcome o = outcome(Objective::kBytes, {variant("a", 300, 1.0, 20), variant("b", 400, 1.0, 5)});
  for (Variant& v : o.variants) v.report->agreement.accuracy.reset();
  choose(o, rules(false));
  ASSERT_TRUE(o.chosen);
  EXPECT_EQ(o.variants[*o.chosen].name, "b");
  EXPECT_NE(o.variants[0].why.find("answers differently"), std::string::npos);
}

TEST(Choose, TheAllowedDropIsAllowed) {
  Outcome o = outcome(Objective::kBytes, {variant("a", 300, 1.0, 10)});
  o.variants[0].report->agreement.accuracy.reset();
  o.variants[0].report->agreement.top1 = 0.99;  // 100 * (1 - 0.99) is a little more than 1
  choose(o, rules(false));
  EXPECT_TRUE(o.chosen);
}

TEST(Choose, DiscreteOutputsMayDifferAsMuch) {
  for (const std::int64_t differing : {1, 2}) {
    Outcome o = outcome(Objective::kBytes, {variant("a", 300, 1.0, 0)});
    proof::Agreement& agreement = o.variants[0].report->agreement;
    agreement.accuracy.reset();
    agreement.top1.reset();
    std::vector<std::int64_t> classes(100, 7);
    const Tensor before = Tensor::of<std::int64_t>({100}, std::span<const std::int64_t>(classes));
    std::fill_n(classes.begin(), differing, 8);
    agreement.outputs = {proof::OutputDifference("ids")};
    ASSERT_OK(
        agreement.outputs[0].add(before, Tensor::of<std::int64_t>({100}, std::span<const std::int64_t>(classes))));
    choose(o, rules(false));
    EXPECT_EQ(o.chosen.has_value(), differing == 1);
    EXPECT_EQ(o.variants[0].why.find("'ids' differs in 2.00 %") != std::string::npos, differing == 2);
    if (differing == 1) {
      ASSERT_EQ(o.notes.size(), 1U);
      EXPECT_EQ(o.notes[0], "of the model handed back the output 'ids' differs in 1.00 % of its elements");
    }
  }
}

TEST(Choose, ReferenceRowsAndFailuresAreNeverHandedBack) {
  Outcome o = outcome(Objective::kLatency,
                      {variant("freeze", 1000, 3.0, 0), variant("x", 500, 4.0, 0), variant("y", 500, 4.0, 0)});
  o.variants[0].reference_only = true;
  o.variants[1].report->agreement.failure = Error{Code::kInvalid, "broken"};
  o.variants[2].why = "nothing to quantise";
  choose(o, rules(true));
  EXPECT_FALSE(o.chosen);
  EXPECT_EQ(o.variants[2].why, "nothing to quantise");
}

}  // namespace
}  // namespace arete::optimize
