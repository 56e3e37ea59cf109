// What the process learns about itself and its machine, and its stop signals.
#include "os/base/machine.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/support/assert.h"

namespace arete::os {
namespace {

TEST(Machine, HasCoresMemoryAndAName) {
  EXPECT_GE(physical_cores(), 1);
  EXPECT_LE(physical_cores(), static_cast<int>(std::thread::hardware_concurrency()));
  EXPECT_FALSE(cpu_description().empty());
  EXPECT_GT(resident_bytes(), 1U << 20);
  EXPECT_GE(peak_resident_bytes(), resident_bytes() / 2);
  const auto program = program_path();
  ASSERT_OK(program);
  EXPECT_TRUE(program->ends_with("/test_os")) << *program;
}

TEST(Machine, SeesMemoryGrow) {
  const std::uint64_t before = resident_bytes();
  const std::vector<char> block(64 << 20, 'x');
  EXPECT_GE(resident_bytes(), before + (48U << 20)) << block.size();
}

TEST(Machine, HasAClockThatOnlyGoesForward) {
  std::int64_t last = real_clock().now_ns();
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t now = real_clock().now_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

// What the children of the tests below do; each ends with the status that its name promises.
[[noreturn]] void end_7_when_stopped_by(int number) {
  catch_stop_signals();
  if (stop_requested()) std::_Exit(1);
  std::raise(number);
  wait_for_stop();
  std::_Exit(stop_requested() ? 7 : 2);
}

[[noreturn]] void be_stopped_twice() {
  catch_stop_signals();
  std::raise(SIGINT);
  std::raise(SIGINT);
  std::_Exit(1);
}

[[noreturn]] void become_a_shell_that_ends_5() {
  char shell[] = "sh";
  char flag[] = "-c";
  char command[] = "exit 5";
  char* arguments[] = {shell, flag, command};
  static_cast<void>(replace_process("/bin/sh", 3, arguments));
  std::_Exit(1);
}

TEST(MachineDeathTest, TheFirstStopSignalSetsAFlag) {
  for (const int number : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(end_7_when_stopped_by(number), testing::ExitedWithCode(7), "");
  }
}

TEST(MachineDeathTest, TheSecondEndsTheProcess) {
  EXPECT_EXIT(be_stopped_twice(), testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(MachineDeathTest, ReplacesItself) { EXPECT_EXIT(become_a_shell_that_ends_5(), testing::ExitedWithCode(5), ""); }

TEST(Machine, SaysWhyAProgramDoesNotStart) {
  char name[] = "none";
  char* arguments[] = {name};
  EXPECT_ERROR(replace_process("/nowhere/none", 1, arguments), Code::kUnavailable, "/nowhere/none");
}

}  // namespace
}  // namespace arete::os
