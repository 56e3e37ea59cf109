// Samples that stand in two streams.
#include "tune/seen_samples.h"

#include "tests/proof/fakes.h"
#include "tests/support/assert.h"

namespace arete::tune {
namespace {

proof::FakeSource numbers(float from, int count) {
  std::vector<proof::FakeSource::Row> rows;
  for (int i = 0; i < count; ++i) {
    rows.emplace_back(
        Sample{{{"x", Tensor::of<float>({1, 3}, {from + static_cast<float>(i), 0, 1})}}, std::nullopt, "row"});
  }
  return proof::FakeSource(std::move(rows));
}

std::size_t drain(SampleSource& source) {
  std::size_t samples = 0;
  while (true) {
    const auto sample = source.next();
    if (!sample || !sample->has_value()) return samples;
    ++samples;
  }
}

TEST(SeenSamples, AreCountedInTheOtherStream) {
  SeenSamples seen;
  proof::FakeSource first = numbers(0, 10);
  RememberedSource remembered(first, seen);
  EXPECT_EQ(drain(remembered), 10U);
  proof::FakeSource second = numbers(7, 20);
  CountedSource counted(second, seen);
  EXPECT_EQ(drain(counted), 20U);
  EXPECT_EQ(counted.known(), 3U);
  ASSERT_OK(counted.rewind());
  EXPECT_EQ(counted.known(), 0U);
}

}  // namespace
}  // namespace arete::tune
