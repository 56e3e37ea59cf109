// The inner loops on every instruction set of this CPU, byte for byte against plain C++; and that they stay inside.
#include "media/image/resample.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <vector>

namespace arete::media {
namespace {

constexpr std::uint8_t kGuard = 0xA5;

std::vector<std::int64_t> targets() {
  hwy::SetSupportedTargetsForTest(0);
  return hwy::SupportedAndGeneratedTargets();
}

void use_target(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

class Resample : public testing::Test {
 protected:
  ~Resample() override { use_target(0); }

  std::vector<std::uint8_t> noise(std::size_t size_bytes) {
    std::vector<std::uint8_t> bytes(size_bytes);
    // Black and white alone make the largest overshoots.
    const bool hard = random_() % 2 == 0;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(hard ? 255 * (random_() % 2) : random_() % 256);
    return bytes;
  }

  Filter some_filter() {
    Axis axis;
    axis.filter = static_cast<ResizeFilter>(random_() % 4);
    axis.old_size = 1 + static_cast<int>(random_() % 300);
    axis.extent = axis.old_size;
    axis.new_size = 1 + static_cast<int>(random_() % 120);
    axis.first = static_cast<std::int64_t>(random_() % static_cast<unsigned>(axis.new_size));
    axis.count = static_cast<int>(axis.new_size - axis.first);
    axis.mirrored = random_() % 4 == 0;
    old_size_ = static_cast<std::size_t>(axis.old_size);
    return make_filter(axis);
  }

  std::mt19937 random_{11};
  std::size_t old_size_ = 0;
};

using Columns = void (*)(const Filter&, int, const SourceRows&, const TargetRows&);

// The new rows, one behind the other, each with its overrun.
std::vector<std::uint8_t> columns_of(Columns columns, const Filter& filter, int channels, const SourceRows& from) {
  const std::size_t row_bytes = filter.windows.size() * static_cast<std::size_t>(channels);
  std::vector<std::uint8_t> made(kRowGroup * (row_bytes + kOverrunBytes) + 1, kGuard);
  TargetRows to{};
  for (std::size_t i = 0; i < kRowGroup; ++i) to[i] = made.data() + i * (row_bytes + kOverrunBytes);
  columns(filter, channels, from, to);
  EXPECT_EQ(made.back(), kGuard);
  for (std::size_t i = 0; i < kRowGroup; ++i) std::fill_n(to[i] + row_bytes, kOverrunBytes, kGuard);
  return made;
}

TEST_F(Resample, ColumnsAreTheSameOnEveryTarget) {
  const std::vector<std::int64_t> all = targets();
  ASSERT_FALSE(all.empty());
  for (int round = 0; round < 300; ++round) {
    const int channels = round % 2 == 0 ? 3 : 1;
    const Filter filter = some_filter();
    const std::size_t stride = old_size_ * static_cast<std::size_t>(channels) + kOverrunBytes;
    const std::vector<std::uint8_t> pixels = noise(kRowGroup * stride);
    SourceRows from{};
    for (std::size_t i = 0; i < kRowGroup; ++i) from[i] = pixels.data() + i * stride;
    const std::vector<std::uint8_t> truth = columns_of(resample_columns_plain, filter, channels, from);
    for (const std::int64_t target : all) {
      use_target(target);
      EXPECT_EQ(columns_of(resample_columns, filter, channels, from), truth) << hwy::TargetName(target);
    }
  }
}

TEST_F(Resample, RowsAreTheSameOnEveryTargetAndStayInside) {
  const std::vector<std::int64_t> all = targets();
  for (int round = 0; round < 300; ++round) {
    const Filter filter = some_filter();
    const Window& window = filter.windows[random_() % filter.windows.size()];
    const std::size_t size_bytes = 1 + random_() % 200;
    // Exactly as long as it is said to be, so that an address checker sees what reads further.
    std::vector<std::vector<std::uint8_t>> rows;
    std::vector<const std::uint8_t*> pointers;
    for (int i = 0; i < window.count; ++i) rows.push_back(noise(size_bytes));
    for (const auto& row : rows) pointers.push_back(row.data());
    if (pointers.size() % 2 != 0) pointers.push_back(pointers.back());
    std::vector<std::uint8_t> truth(size_bytes + 1, kGuard);
    resample_row_plain(filter, window, pointers, size_bytes, truth.data());
    for (const std::int64_t target : all) {
      use_target(target);
      std::vector<std::uint8_t> made(size_bytes + 1, kGuard);
      resample_row(filter, window, pointers, size_bytes, made.data());
      EXPECT_EQ(made, truth) << hwy::TargetName(target);
    }
  }
}

TEST_F(Resample, TargetsCanBeChosen) {
  for (const std::int64_t target : targets()) {
    use_target(target);
    EXPECT_EQ(hwy::SupportedTargets(), target);
    std::printf("%s\n", hwy::TargetName(target));
  }
}

}  // namespace
}  // namespace arete::media
