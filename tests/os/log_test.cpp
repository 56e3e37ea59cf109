// Log lines, and what becomes of them when nobody reads.
#include "os/base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include "core/json.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

std::string temporary(const std::string& name) {
  return testing::TempDir() + "arete_log_" + std::to_string(::getpid()) + "_" + name;
}

std::vector<Json> read_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    Result<Json> json = Json::parse(line);
    EXPECT_TRUE(json) << line;
    if (json) lines.push_back(std::move(*json));
  }
  return lines;
}

TEST(LogLine, HoldsTimeLevelEventAndFields) {
  EXPECT_EQ(log_line(0, LogLevel::kInfo, "start", {}),
            "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"start\"}\n");
  EXPECT_EQ(log_line(1709164799987, LogLevel::kError, "x",
                     {{"a", 1}, {"b", -2.5}, {"c", true}, {"d", "t"}, {"e", std::uint64_t{18446744073709551615U}}}),
            "{\"ts\":\"2024-02-28T23:59:59.987Z\",\"level\":\"error\",\"event\":\"x\",\"a\":1,\"b\":-2.5,\"c\":true,"
            "\"d\":\"t\",\"e\":18446744073709551615}\n");
  const std::string odd = log_line(0, LogLevel::kDebug, "x", {{"n", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_NE(odd.find("\"n\":null"), std::string::npos);
}

TEST(LogLine, EscapesWhatClientsSend) {
  const std::string hostile = std::string("a\"b\\c\nd\r\x1b[31m\0\x7f é鳥", 22) + "\xff\xc0\xaf\xed\xa0\x80\xf5";
  const std::string line = log_line(0, LogLevel::kInfo, "x", {{"text", hostile}});
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  const Result<Json> json = Json::parse(line);
  ASSERT_OK(json);
  const std::string text = json->find("text")->as_string();
  EXPECT_EQ(text.substr(0, 9), "a\"b\\c\nd\r\x1b");
  EXPECT_NE(text.find("\xEF\xBF\xBD"), std::string::npos);
  EXPECT_TRUE(is_utf8(text));
}

TEST(LogLine, CutsLongTexts) {
  const std::string line = log_line(0, LogLevel::kInfo, "x", {{"text", std::string(100000, 'y')}});
  EXPECT_LT(line.size(), kMaxLogTextBytes + 200);
  EXPECT_NE(line.find("yyy...\""), std::string::npos);
}

TEST(Log, AddsToAFileFromManyThreads) {
  const std::string path = temporary("many");
  std::ofstream(path) << "{\"event\":\"before\"}\n";
  {
    const auto log = Log::open({.path = path});
    ASSERT_OK(log);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 500; ++i) (*log)->write(LogLevel::kInfo, "tick", {{"thread", t}, {"i", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
    (*log)->write(LogLevel::kDebug, "unseen", {});
    EXPECT_EQ((*log)->dropped(), 0U);
  }
  EXPECT_EQ(read_lines(path).size(), 2001U);
  std::filesystem::remove(path);
}

TEST(Log, NeverWaitsForASlowReader) {
  const std::string path = temporary("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_ERROR(Log::open({.path = path}), Code::kIo, path);  // nobody reads yet
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  std::string got;
  {
    const auto log = Log::open({.path = path, .end_wait_ms = 200});
    ASSERT_OK(log);
    const std::string text(1000, 'x');
    for (int i = 0; i < 5000; ++i) (*log)->write(LogLevel::kInfo, "flood", {{"text", text}});
    EXPECT_GT((*log)->dropped(), 0U);
    // Reading makes room, and the next line is preceded by the count.
    std::array<char, 65536> bytes{};
    for (int i = 0; i < 500 && got.find("log.dropped") == std::string::npos; ++i) {
      const ssize_t size = ::read(reader, bytes.data(), bytes.size());
      if (size > 0) got.append(bytes.data(), static_cast<std::size_t>(size));
      if (size <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      (*log)->write(LogLevel::kInfo, "after", {});
    }
    EXPECT_NE(got.find("\"event\":\"log.dropped\",\"lines\":"), std::string::npos);
    ::close(reader);
    (*log)->write(LogLevel::kInfo, "nobody reads", {});  // no signal ends the program
  }
  std::filesystem::remove(path);
}

TEST(Log, SaysThatAFileCannotBeOpened) {
  EXPECT_ERROR(Log::open({.path = "/nowhere/at/all.log"}), Code::kIo, "/nowhere/at/all.log");
}

}  // namespace
}  // namespace arete::os
