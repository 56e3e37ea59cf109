// Families and their label sets: what is counted where, limits, what goes when a model goes.
#include "watch/registry.h"

#include <gtest/gtest.h>

#include <thread>

namespace arete::watch {
namespace {

constexpr auto kRows = std::to_array<FamilyRow>({
    {.name = "arete_requests_total",
     .kind = MetricKind::kCounter,
     .help = "Requests.",
     .labels = {"model", "code"},
     .max_label_sets = 3},
    {.name = "arete_depth", .kind = MetricKind::kGauge, .help = "Waiting requests."},
    {.name = "arete_run_seconds",
     .kind = MetricKind::kHistogram,
     .help = "Runs.",
     .labels = {"model"},
     .bounds = kSecondsBounds},
});

TEST(Registry, GivesOneMetricForOneLabelSet) {
  Registry registry(kRows);
  Counter& ok = registry.counters("arete_requests_total").with({"m", "200"});
  ok.add(2);
  registry.counters("arete_requests_total").with({"m", "200"}).add();
  registry.counters("arete_requests_total").with({"m", "500"}).add();
  EXPECT_EQ(ok.value(), 3U);
  const auto families = registry.snapshot();
  ASSERT_EQ(families.size(), 3U);
  ASSERT_EQ(families[0].samples.size(), 2U);
  EXPECT_EQ(families[0].samples[1].labels, (std::vector<std::string>{"m", "500"}));
  EXPECT_EQ(std::get<std::uint64_t>(families[0].samples[0].value), 3U);
}

TEST(Registry, ShowsAFamilyWithoutLabelsAtOnce) {
  Registry registry(kRows);
  ASSERT_EQ(registry.snapshot()[1].samples.size(), 1U);
  registry.gauges("arete_depth").with({}).set(4);
  EXPECT_EQ(std::get<double>(registry.snapshot()[1].samples[0].value), 4);
  EXPECT_TRUE(registry.snapshot()[2].samples.empty());
}

TEST(Registry, PutsWhatGoesBeyondTheLimitIntoOther) {
  Registry registry(kRows);
  auto& family = registry.counters("arete_requests_total");
  for (int i = 0; i < 10; ++i) family.with({"m" + std::to_string(i), "200"}).add();
  EXPECT_EQ(registry.overflows(), 7U);
  EXPECT_EQ(family.with({kOther, kOther}).value(), 7U);
  EXPECT_EQ(family.with({"m0", "200"}).value(), 1U);
  EXPECT_EQ(family.snapshot().samples.size(), 4U);
}

TEST(Registry, RemovesAModelFromEveryFamilyThatNamesIt) {
  Registry registry(kRows);
  registry.counters("arete_requests_total").with({"a", "200"}).add();
  registry.counters("arete_requests_total").with({"a", "500"}).add();
  registry.counters("arete_requests_total").with({"b", "200"}).add();
  registry.histograms("arete_run_seconds").with({"a"}).observe(1);
  EXPECT_EQ(registry.remove({{"model", "a"}, {"code", "500"}}), 1U);
  EXPECT_EQ(registry.remove({{"model", "a"}}), 2U);
  EXPECT_EQ(registry.remove({{"model", "a"}}), 0U);
  EXPECT_EQ(registry.remove({{"nothing", "a"}}), 0U);
  EXPECT_EQ(registry.remove({}), 0U);
  EXPECT_EQ(registry.snapshot()[0].samples.size(), 1U);
  EXPECT_EQ(registry.snapshot()[1].samples.size(), 1U);
}

TEST(Registry, AnotherSetTakesTheFreePlaceFromZero) {
  Registry registry(kRows);
  auto& family = registry.counters("arete_requests_total");
  for (int i = 0; i < 1000; ++i) {
    const std::string version = std::to_string(i);
    Counter& counter = family.with({version, "200"});
    EXPECT_EQ(counter.value(), 0U);
    counter.add(5);
    EXPECT_EQ(registry.remove({{"model", version}}), 1U);
    counter.add();  // a late request: it must do no harm
  }
  EXPECT_EQ(registry.overflows(), 0U);
}

TEST(Registry, TakesAnyBytesAsLabelValues) {
  Registry registry(kRows);
  auto& family = registry.histograms("arete_run_seconds");
  family.with({"\xff\xfe"}).observe(1);
  family.with({std::string(1000, 'x')}).observe(1);
  family.with({std::string(kMaxLabelValueBytes - 1, 'x') + "é"}).observe(1);
  const auto samples = family.snapshot().samples;
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].labels[0], "??");
  EXPECT_EQ(samples[1].labels[0].size(), kMaxLabelValueBytes - 1);
  EXPECT_EQ(samples[2].labels[0].size(), kMaxLabelValueBytes);
}

TEST(Registry, IsCountedIntoWhileModelsComeAndGo) {
  Registry registry(kRows);
  std::atomic<int> wrong{0};
  const auto work = [&](const std::string& model) {
    for (int n = 0; n < 500; ++n) {
      registry.histograms("arete_run_seconds").with({model}).observe(n);
      if (n % 7 == 0) registry.remove({{"model", model}});
      if (n % 50 == 0 && registry.snapshot().size() != 3) ++wrong;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, std::to_string(i));
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(FaultOf, NamesWhatIsWrongWithARow) {
  for (const FamilyRow& row : kRows) EXPECT_EQ(fault_of(row), "");
  const auto changed = [](const FamilyRow& row, auto change) {
    FamilyRow other = row;
    change(other);
    return fault_of(other);
  };
  EXPECT_NE(changed(kRows[0], [](FamilyRow& row) { row.name = "1_total"; }), "");
  EXPECT_NE(changed(kRows[0], [](FamilyRow& row) { row.name = "arete_requests"; }), "");
  EXPECT_NE(changed(kRows[1], [](FamilyRow& row) { row.name = "arete_depth_total"; }), "");
  EXPECT_NE(changed(kRows[1], [](FamilyRow& row) { row.name = "arete_depth_count"; }), "");
  EXPECT_NE(changed(kRows[1], [](FamilyRow& row) { row.help = ""; }), "");
  EXPECT_NE(changed(kRows[1], [](FamilyRow& row) { row.bounds = kSecondsBounds; }), "");
  EXPECT_NE(changed(kRows[2], [](FamilyRow& row) { row.bounds = {}; }), "");
  EXPECT_NE(changed(kRows[2], [](FamilyRow& row) { row.labels = {"le"}; }), "");
  EXPECT_NE(changed(kRows[2], [](FamilyRow& row) { row.labels = {"a", "a"}; }), "");
  EXPECT_NE(changed(kRows[2], [](FamilyRow& row) { row.labels = {"a-b"}; }), "");
  EXPECT_NE(changed(kRows[2], [](FamilyRow& row) { row.labels = {"a", "", "b"}; }), "");
  constexpr std::array<double, 2> kEqual = {1, 1};
  EXPECT_NE(changed(kRows[2], [&](FamilyRow& row) { row.bounds = kEqual; }), "");
}

}  // namespace
}  // namespace arete::watch
