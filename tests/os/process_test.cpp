// Child processes, and what two processes share: sockets for messages and blocks of memory.
#include "os/base/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "os/base/message_socket.h"
#include "os/base/shared_block.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

constexpr int kLongMs = 20'000;

Result<std::unique_ptr<Process>> shell(ProcessStarter& starter, const std::string& script,
                                       const std::vector<int>& handed_over = {}) {
  return starter.start(
      {.program = "/bin/sh", .arguments = {"-c", script}, .environment = {"COLOUR=blue"}, .handed_over = handed_over});
}

TEST(Process, EndsWithItsStatusOrSignal) {
  const auto starter = make_process_starter();
  const auto three = shell(*starter, "exit 3");
  ASSERT_OK(three);
  EXPECT_EQ(describe((*three)->wait(kLongMs).value()), "ended with status 3");
  const auto sleeper = shell(*starter, "exec sleep 100");
  ASSERT_OK(sleeper);
  EXPECT_FALSE((*sleeper)->wait(1).has_value());
  (*sleeper)->kill();
  EXPECT_EQ(describe((*sleeper)->wait(kLongMs).value()), "died of SIGKILL");
  (*sleeper)->kill();  // nothing any more
  EXPECT_ERROR(starter->start({.program = "/nowhere/at-all"}), Code::kUnavailable, "/nowhere/at-all");
}

TEST(Process, IsGoneWithItsObject) {
  const auto starter = make_process_starter();
  pid_t id = 0;
  {
    const auto sleeper = shell(*starter, "exec sleep 100");
    ASSERT_OK(sleeper);
    id = static_cast<pid_t>((*sleeper)->id());
    EXPECT_GT(resident_bytes_of(id), 0U);
  }
  EXPECT_EQ(::kill(id, 0), -1);
  EXPECT_EQ(resident_bytes_of(id), 0U);
}

TEST(Process, GetsWhatItIsHandedAndNothingElse) {
  const auto starter = make_process_starter();
  auto ends = MessageSocket::make_pair();
  ASSERT_OK(ends);
  ::setenv("ARETE_SECRET", "x", 1);
  const auto child = shell(*starter,
                           "for n in 0 1 2 3 4 5 6 7 8 9 11 12 13 14 15; do\n"
                           "  if [ -e /proc/$$/fd/$n ]; then open=$open$n; fi\n"
                           "done\n"
                           "echo $open $COLOUR$ARETE_SECRET >&3",
                           {ends->second.descriptor()});
  ::unsetenv("ARETE_SECRET");
  ASSERT_OK(child);
  std::array<char, 256> said{};
  const auto size = ends->first.receive(std::as_writable_bytes(std::span(said)), kLongMs);
  ASSERT_OK(size);
  EXPECT_EQ(std::string(said.data(), *size), "0123 blue\n");
}

TEST(Process, AreStartedFromManyThreads) {
  const auto starter = make_process_starter();
  std::atomic<int> ended{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) {
          const auto child = shell(*starter, "exit 0");
          if (child && (*child)->wait(kLongMs)) ++ended;
        }
      });
    }
  }
  EXPECT_EQ(ended, 40);
}

TEST(MessageSocket, CarriesWholeMessages) {
  auto ends = MessageSocket::make_pair();
  ASSERT_OK(ends);
  const std::array<std::byte, 3> sent = {std::byte{1}, std::byte{2}, std::byte{3}};
  std::array<std::byte, 8> got{};
  ASSERT_OK(ends->first.send(sent));
  ASSERT_OK(ends->first.send(std::span(sent).first(1)));
  EXPECT_EQ(*ends->second.receive(got, kNoTimeout), 3U);
  EXPECT_EQ(*ends->second.receive(got, 1000), 1U);
  EXPECT_ERROR(ends->second.receive(got, 10), Code::kTimeout, "10 ms");
  ASSERT_OK(ends->first.send(sent));
  EXPECT_ERROR(ends->second.receive(std::span(got).first(2), kNoTimeout), Code::kCorrupt, "longer");
  EXPECT_ERROR(ends->first.send(std::vector<std::byte>(kMaxMessageBytes + 1)), Code::kExhausted, "too long");
  {
    const MessageSocket closed = std::move(ends->first);
  }
  EXPECT_ERROR(ends->second.receive(got, kNoTimeout), Code::kUnavailable, "gone");
  EXPECT_ERROR(ends->second.send(sent), Code::kUnavailable, "gone");
}

std::uint64_t taken_bytes(const SharedBlock& block) {
  struct stat now{};
  ::fstat(block.descriptor(), &now);
  return static_cast<std::uint64_t>(now.st_blocks) * 512;
}

TEST(SharedBlock, IsSeenByBothAndGrows) {
  auto ours = SharedBlock::create();
  ASSERT_OK(ours);
  SharedBlock theirs{Descriptor(::dup(ours->descriptor()))};
  ASSERT_OK(ours->reserve(10));
  std::memcpy(ours->bytes().data(), "hello", 5);
  ASSERT_OK(theirs.map(10));
  EXPECT_EQ(std::memcmp(theirs.bytes().data(), "hello", 5), 0);
  ASSERT_OK(theirs.reserve(1 << 20));
  theirs.bytes()[(1 << 20) - 1] = std::byte{7};
  ASSERT_OK(ours->map(1 << 20));
  EXPECT_EQ(ours->bytes()[(1 << 20) - 1], std::byte{7});
  EXPECT_EQ(std::memcmp(ours->bytes().data(), "hello", 5), 0);
  EXPECT_ERROR(ours->map(std::uint64_t{1} << 40), Code::kCorrupt, "shorter");
  EXPECT_ERROR(ours->reserve(~std::uint64_t{0}), Code::kExhausted, "");
  EXPECT_NE(::ftruncate(theirs.descriptor(), 0), 0);  // nobody makes the other one stumble
}

TEST(SharedBlock, GivesMemoryBack) {
  auto block = SharedBlock::create();
  ASSERT_OK(block);
  ASSERT_OK(block->reserve(8 << 20));
  std::memset(block->bytes().data(), 1, block->bytes().size());
  EXPECT_GE(taken_bytes(*block), std::uint64_t{8} << 20);
  block->release(1 << 20);
  EXPECT_EQ(taken_bytes(*block), std::uint64_t{1} << 20);
  EXPECT_EQ(block->bytes()[0], std::byte{1});
  EXPECT_EQ(block->bytes()[2 << 20], std::byte{0});
  block->release(~std::uint64_t{0});
  block->release(0);
  EXPECT_EQ(taken_bytes(*block), 0U);
}

}  // namespace
}  // namespace arete::os
