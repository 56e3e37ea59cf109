// Limits of time and memory. Each is tried in a child.
#include "os/base/limits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "tests/support/sanitizers.h"

namespace arete::os {
namespace {

[[noreturn]] void sleep_under_a_limit(double limit_s, int sleep_ms) {
  {
    const TimeLimit limit(limit_s, "it took too long\n", 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(sleep_ms));
  }
  std::_Exit(7);
}

// 7: a second megabyte was to be had; 8: so was a second gigabyte; 9: it was not.
[[noreturn]] void take_a_gigabyte_of(std::uint64_t limit_bytes) {
  if (!limit_memory(limit_bytes)) std::_Exit(6);
  try {
    std::vector<char> small(1 << 20, 'x');
    if (small[1 << 19] != 'x') std::_Exit(7);
    std::vector<char> large(std::size_t{1} << 30, 'x');
    std::_Exit(large[1 << 29] == 'x' ? 8 : 7);
  } catch (const std::bad_alloc&) {
    std::_Exit(9);
  }
}

TEST(LimitsDeathTest, TimeEndsTheProcessWithStatusAndWords) {
  EXPECT_EXIT(sleep_under_a_limit(0.05, 20'000), testing::ExitedWithCode(4), "it took too long");
}

TEST(LimitsDeathTest, ALimitThatIsGoneEndsNothing) {
  EXPECT_EXIT(sleep_under_a_limit(20, 10), testing::ExitedWithCode(7), "");
}

TEST(LimitsDeathTest, MemoryBeyondTheLimitIsBadAlloc) {
  if (!test::kThrowsBadAlloc) return;  // sanitizers need memory of their own
  EXPECT_EXIT(take_a_gigabyte_of(100'000'000), testing::ExitedWithCode(9), "");
  EXPECT_EXIT(take_a_gigabyte_of(2'000'000'000), testing::ExitedWithCode(8), "");
}

}  // namespace
}  // namespace arete::os
