// References: there and back, every rule with what breaks it, and how the builder chooses bins.
#include "watch/reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "core/json.h"
#include "tests/support/assert.h"
#include "watch/reference_builder.h"

namespace arete::watch {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

using Counts = std::vector<std::uint64_t>;
using Values = std::vector<double>;

Distribution distribution_of(const Values& values, std::size_t bins = kDefaultBins, std::size_t window = 1000) {
  DistributionBuilder builder("x[0]", bins, window);
  for (const double value : values) builder.add(value);
  return builder.finish();
}

// Four samples; one of its answers names no class.
Reference small() {
  ReferencePlan plan;
  plan.predictor = "original model";
  plan.features = {"x[0]", "load"};
  plan.classes = 3;
  plan.confidence = true;
  ReferenceBuilder builder(plan);
  builder.add(Values{0.0, 1e-9}, {.label = 2, .confidence = 0.9});
  builder.add(Values{1.0, -1.0 / 3}, {.label = 0, .confidence = 0.5});
  builder.add(Values{0.0, kNan}, {.label = 2, .confidence = 0.7});
  builder.add(Values{5.0, 1e20}, {});
  return *builder.finish();
}

TEST(Reference, ReadsWhatItWrote) {
  const Reference made = small();
  const std::string text = write_reference(made);
  const auto read = parse_reference(text);
  ASSERT_OK(read);
  EXPECT_EQ(write_reference(*read), text);
  EXPECT_EQ(read->samples, 4U);
  EXPECT_EQ(read->predictor, "original model");
  EXPECT_EQ(read->classes->counts, (Counts{1, 0, 2}));
  EXPECT_EQ(read->classes->missing, 1U);
  EXPECT_EQ(read->confidence->counts, (Counts{1, 1, 1}));
  EXPECT_EQ(read->confidence->missing, 1U);
  EXPECT_EQ(read->features[1].missing, 1U);
  EXPECT_EQ(read->features[1].minimum, -1.0 / 3) << "bit for bit";
  EXPECT_EQ(read->features[0].edges, (Values{0.5, 3.0}));
}

TEST(Reference, FieldsOfTomorrowAreNoMistake) {
  Json json = *Json::parse(write_reference(small()));
  json.set("sensors", "many");
  ASSERT_OK(parse_reference(json.dump()));
}

TEST(Reference, RefusesWhatBreaksARule) {
  using Change = std::function<void(Reference&)>;
  const std::vector<std::tuple<const char*, Code, Change>> rows = {
      {"samples", Code::kInvalid, [](Reference& r) { r.samples = 0; }},
      {"add up", Code::kInvalid, [](Reference& r) { ++r.samples; }},
      {"add up", Code::kInvalid, [](Reference& r) { ++r.features[0].counts[1]; }},
      {"add up", Code::kInvalid, [](Reference& r) { r.features[0].counts = {INT64_MAX, INT64_MAX, 6}; }},
      {"'load'", Code::kInvalid, [](Reference& r) { ++r.features[1].missing; }},
      {"no name", Code::kInvalid, [](Reference& r) { r.features[0].name = ""; }},
      {"over 256 bytes", Code::kExhausted, [](Reference& r) { r.features[0].name.assign(257, 'x'); }},
      {"two features", Code::kInvalid, [](Reference& r) { r.features[1].name = "x[0]"; }},
      {"ascend", Code::kInvalid, [](Reference& r) { r.features[0].edges = {3.0, 0.5}; }},
      {"ascend", Code::kInvalid, [](Reference& r) { r.features[0].edges = {0.5, 0.5}; }},
      {"an edge", Code::kInvalid, [](Reference& r) { r.features[0].edges[1] = 1e151; }},
      {"one count more", Code::kInvalid, [](Reference& r) { r.features[0].edges.pop_back(); }},
      {"a mean for each", Code::kInvalid, [](Reference& r) { r.features[0].means.pop_back(); }},
      {"outside it", Code::kInvalid, [](Reference& r) { r.features[0].means[1] = 4; }},
      {"outside it", Code::kInvalid, [](Reference& r) { r.features[0].means[2] = 6; }},
      {"without values must be 0", Code::kInvalid, [](Reference& r) { r.features[0].counts = {3, 0, 1}; }},
      {"edges", Code::kExhausted, [](Reference& r) { r.features[0].edges.resize(kMaxEdges + 1); }},
      {"minimum <= mean", Code::kInvalid, [](Reference& r) { r.features[0].mean = 6; }},
      {"within 1e150", Code::kInvalid, [](Reference& r) { r.features[0].maximum = 1e151; }},
      {"deviation", Code::kInvalid, [](Reference& r) { r.features[0].deviation = -1; }},
      {"deviation", Code::kInvalid, [](Reference& r) { r.features[0].deviation = 5.5; }},
      {"the last bin", Code::kInvalid, [](Reference& r) { r.features[0].edges[1] = 5; }},
      {"classes", Code::kInvalid, [](Reference& r) { ++r.classes->missing; }},
      {"classes", Code::kExhausted, [](Reference& r) { r.classes->counts.resize(kMaxClasses + 1); }},
      {"'confidence'", Code::kInvalid, [](Reference& r) { r.confidence->edges = {0.8, 0.6}; }},
      {"features", Code::kExhausted, [](Reference& r) { r.features.assign(kMaxFeatures + 1, r.features[0]); }},
      {"outputs", Code::kExhausted, [](Reference& r) { r.outputs.assign(kMaxFeatures - 1, r.features[0]); }},
      {"two outputs", Code::kInvalid, [](Reference& r) { r.outputs.assign(2, r.features[0]); }}};
  for (const auto& [words, code, change] : rows) {
    Reference reference = small();
    change(reference);
    EXPECT_ERROR(check_reference(reference), code, words);
    EXPECT_FALSE(parse_reference(write_reference(reference)).has_value()) << words;
  }
}

TEST(Reference, WrongTypesAreNamed) {
  const std::string text = write_reference(small());
  const std::vector<std::tuple<const char*, Json, Code, const char*>> rows = {
      {"format", 2, Code::kUnsupported, "format 2"},
      {"format", "1", Code::kInvalid, "\"format\""},
      {"samples", -4, Code::kInvalid, "\"samples\" must be a whole number"},
      {"samples", 4.5, Code::kInvalid, "\"samples\" must be a whole number"},
      {"samples", std::uint64_t{1} << 63, Code::kInvalid, "\"samples\" must be a whole number"},
      {"features", 3, Code::kInvalid, "\"features\" must be a list"},
      {"features", Json(Json::Array{Json(1)}), Code::kInvalid, "\"name\""},
      {"classes", Json::array(), Code::kInvalid, "\"counts\" must be a list"},
      {"confidence", Json::object({{"name", "c"}, {"edges", Json(Json::Array{Json("a")})}}), Code::kInvalid,
       "'c': \"edges\" must hold numbers"}};
  for (const auto& [key, value, code, words] : rows) {
    Json json = *Json::parse(text);
    json.set(key, value);
    EXPECT_ERROR(parse_reference(json.dump()), code, words);
  }
  EXPECT_ERROR(parse_reference("{"), Code::kCorrupt, "the reference");
  EXPECT_ERROR(parse_reference("[]"), Code::kInvalid, "an object");
  EXPECT_ERROR(parse_reference(std::string(kMaxReferenceBytes + 1, ' ')), Code::kExhausted, "the reference");
}

TEST(Distribution, FewDistinctValuesHaveABinEach) {
  const Distribution row = distribution_of({3, 1, 1, 2, 3, 3});
  EXPECT_EQ(row.edges, (Values{1.5, 2.5}));
  EXPECT_EQ(row.counts, (Counts{2, 1, 3}));
  EXPECT_EQ(row.means, (Values{1, 2, 3}));
  EXPECT_EQ(row.minimum, 1);
  EXPECT_EQ(row.maximum, 3);
  EXPECT_DOUBLE_EQ(row.mean, 13.0 / 6);
  EXPECT_DOUBLE_EQ(row.deviation, std::sqrt(29.0) / 6);
  EXPECT_TRUE(distribution_of({7, 7, 7}).edges.empty());
}

TEST(Distribution, ManyValuesAreSharedEvenly) {
  Values values(1000);
  std::iota(values.begin(), values.end(), -300.0);
  std::shuffle(values.begin(), values.end(), std::mt19937(1));
  const Distribution row = distribution_of(values);
  EXPECT_EQ(row.counts, Counts(20, 50));
  EXPECT_EQ(row.edges.front(), -250.5) << "halfway between neighbours";
  for (std::size_t bins = 1; bins <= kMaxEdges + 1; ++bins) {
    const Distribution other = distribution_of(values, bins);
    ASSERT_EQ(other.counts.size(), bins);
    const auto [least, most] = std::minmax_element(other.counts.begin(), other.counts.end());
    EXPECT_LE(*most - *least, 1U) << bins;
  }
}

// Zero is a third of all: a bin of its own, and the others share what is left.
TEST(Distribution, EqualValuesNeverPart) {
  Values values(300, 0.0);
  for (int i = 1; i <= 300; ++i) values.insert(values.end(), {i / 10.0, -i / 10.0});
  const Distribution row = distribution_of(values);
  const std::size_t zero = bin_of(row.edges, 0);
  EXPECT_EQ(row.counts[zero], 300U);
  EXPECT_EQ(row.means[zero], 0);
  EXPECT_GE(row.counts.size(), 13U);
  EXPECT_LE(row.counts.size(), 20U);
}

TEST(Distribution, NeighbouringDoublesCanBeTold) {
  const double next = std::nextafter(1.0, 2.0);
  const Distribution row = distribution_of({1.0, next, next});
  EXPECT_EQ(row.counts, (Counts{1, 2}));
  const Distribution wide = distribution_of({-kLargestValue, kLargestValue});
  EXPECT_EQ(wide.counts, (Counts{1, 1}));
  EXPECT_EQ(wide.deviation, kLargestValue);
}

TEST(Distribution, WhatIsNoNumberIsMissing) {
  const Distribution row = distribution_of({kNan, 1, kInf, -kInf, 1e151, 2});
  EXPECT_EQ(row.missing, 4U);
  EXPECT_EQ(row.counts, (Counts{1, 1}));
  const Distribution none = distribution_of({kNan});
  EXPECT_EQ(none.counts, Counts{0});
  EXPECT_EQ(none.means, Values{0});
  EXPECT_EQ(none.deviation, 0);
}

// Behind the window the edges stand, and every value is counted.
TEST(Distribution, CountsAreExactBehindTheWindow) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(1e6, 0.5);
  Values values(20'000);
  for (double& value : values) value = normal(random);
  const Distribution row = distribution_of(values, 20, 500);
  EXPECT_EQ(row.edges, distribution_of({values.begin(), values.begin() + 500}).edges);
  Counts counts(row.counts.size());
  long double mean = 0;
  for (const double value : values) {
    std::size_t bin = 0;
    while (bin < row.edges.size() && value > row.edges[bin]) ++bin;
    ++counts[bin];
    mean += value;
  }
  EXPECT_EQ(row.counts, counts);
  mean /= static_cast<long double>(values.size());
  long double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  EXPECT_NEAR(row.mean, static_cast<double>(mean), 1e-9);
  EXPECT_NEAR(row.deviation, static_cast<double>(std::sqrt(squares / values.size())), 1e-9);
}

// Values of any size, also where a feature has none: what is made obeys the rules that a reader checks.
TEST(ReferenceBuilder, WhatItMakesIsAccepted) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    ReferencePlan plan;
    plan.features = {"a", "b", "c"};
    plan.outputs = {"y"};
    plan.bins = 1 + random() % (kMaxEdges + 1);
    ReferenceBuilder builder(plan);
    const int samples = 1 + static_cast<int>(random() % 300);
    std::uniform_real_distribution<double> exponent(-160, 151);
    for (int i = 0; i < samples; ++i) {
      const double any = std::pow(10, exponent(random)) * (random() % 2 == 0 ? 1 : -1);
      const double close = 1e15 + static_cast<double>(random() % 3) * 0.125;
      builder.add(Values{any, close, kNan}, {.outputs = {1 + static_cast<double>(random() % 1000) * 1e-16}});
    }
    const auto made = builder.finish();
    ASSERT_OK(made);
    const auto read = parse_reference(write_reference(*made));
    ASSERT_OK(read);
    EXPECT_EQ(write_reference(*read), write_reference(*made));
  }
}

TEST(ReferenceBuilder, RefusesNothingAndDoubleNames) {
  ReferencePlan plan;
  plan.features = {"x", "x"};
  EXPECT_ERROR(ReferenceBuilder(plan).finish(), Code::kInvalid, "samples");
  ReferenceBuilder builder(plan);
  builder.add(Values{1, 2}, {});
  EXPECT_ERROR(builder.finish(), Code::kInvalid, "two features are named 'x'");
}

TEST(ReferenceBuilder, ClassesGrowToTheirLimit) {
  ReferencePlan plan;
  plan.classes = 0;
  ReferenceBuilder builder(plan);
  for (const std::int64_t label : {std::int64_t{4}, std::int64_t{-7}, std::int64_t{kMaxClasses}, INT64_MAX})
    builder.add({}, {.label = label});
  const auto made = builder.finish();
  ASSERT_OK(made);
  EXPECT_EQ(made->classes->counts, (Counts{0, 0, 0, 0, 1}));
  EXPECT_EQ(made->classes->missing, 3U);
}

}  // namespace
}  // namespace arete::watch
