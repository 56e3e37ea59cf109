// Log: what a program does, as JSON lines: one object a line with "ts" (RFC 3339, UTC, milliseconds), "level", "event"
// and then the fields of the event.
//
// A line is put together by who writes it and handed to a thread that writes it out; when nobody reads the other end
// fast enough, lines are dropped and counted, and the next line that goes out says how many ("log.dropped").
// Not for: counters (watch), or what a person at a terminal reads. Threads: write() from many; never blocks on output.
// Ownership: closes what it opened. Limits: kMaxQueuedLogBytes, kMaxLogTextBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.h"

namespace arete::os {

inline constexpr std::size_t kMaxQueuedLogBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxLogTextBytes = 4096;  // of one field; what is longer is cut, with "..." behind it

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, bool flag) : name(field), value(flag) {}
  LogField(std::string_view field, int number) : name(field), value(std::int64_t{number}) {}
  LogField(std::string_view field, std::int64_t number) : name(field), value(number) {}
  LogField(std::string_view field, std::uint64_t number) : name(field), value(number) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}  // NaN and infinities become null

  std::string_view name;  // borrowed, as texts are
  std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view> value;
};

struct LogOptions {
  std::string path = "";  // "": standard error; else a file that lines are added to
  LogLevel level = LogLevel::kInfo;
  int end_wait_ms = 500;  // how long the destructor waits for a slow reader
};

class Log {
 public:
  // kIo: the file cannot be opened.
  static Result<std::unique_ptr<Log>> open(const LogOptions& options);
  virtual ~Log() = default;

  // Adds a line when the level is high enough. Bytes that are not UTF-8 become U+FFFD.
  virtual void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) = 0;
  virtual bool takes(LogLevel level) const = 0;
  virtual std::uint64_t dropped() const = 0;  // lines, so far
};

// One line, with its line feed, at a time in milliseconds since 1970.
std::string log_line(std::int64_t time_ms, LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields);

}  // namespace arete::os
