#include "os/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

namespace arete::os {
namespace {

constexpr std::size_t kWriteBytes = PIPE_BUF;     // what a pipe that poll() calls writable takes without blocking
constexpr std::chrono::milliseconds kGather{10};  // lines of one moment go out together, and wake the writer once
constexpr int kPollMs = 100;                      // how often a stuck writer looks whether it shall end
constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
constexpr std::string_view kReplacement = "\\ufffd";
constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_padded(std::string& out, unsigned value, std::size_t digits) {
  std::array<char, 12> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  const auto size = static_cast<std::size_t>(end - text.data());
  if (size < digits) out.append(digits - size, '0');
  out.append(text.data(), size);
}

// "2025-01-31T23:59:58.123Z"
void append_time(std::string& out, std::int64_t time_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(time_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((time - day).count());
  append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_padded(out.append("-"), static_cast<unsigned>(date.month()), 2);
  append_padded(out.append("-"), static_cast<unsigned>(date.day()), 2);
  append_padded(out.append("T"), ms / 3600000, 2);
  append_padded(out.append(":"), ms / 60000 % 60, 2);
  append_padded(out.append(":"), ms / 1000 % 60, 2);
  append_padded(out.append("."), ms % 1000, 3);
  out += 'Z';
}

// How many bytes the UTF-8 sequence at the front of `text` has; 0 when it is none (Unicode 15, table 3-7).
std::size_t sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first < 0xF0 || first > 0xF4) return 0;
  const bool out_of_range = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
  return follows(1) && follows(2) && follows(3) && !out_of_range ? 4 : 0;
}

void append_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out.append({'\\', c});
  } else if (byte < 0x20 || byte == 0x7F) {
    out.append("\\u00").append({kHexDigits[byte >> 4U], kHexDigits[byte & 15U]});
  } else {
    out += c;
  }
}

void append_text(std::string& out, std::string_view text) {
  const bool cut = text.size() > kMaxLogTextBytes;
  if (cut) text = text.substr(0, kMaxLogTextBytes);
  out += '"';
  while (!text.empty()) {
    const std::size_t size = sequence_bytes(text);
    if (size == 0) {
      out.append(kReplacement);
    } else if (size == 1) {
      append_escaped(out, text.front());
    } else {
      out.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(1, size));
  }
  out.append(cut ? "...\"" : "\"");
}

struct AppendValue {
  std::string& out;

  void operator()(std::string_view text) const { append_text(out, text); }
  void operator()(bool flag) const { out.append(flag ? "true" : "false"); }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      append_number(number);
    } else {
      out.append("null");
    }
  }
  void operator()(std::int64_t number) const { append_number(number); }
  void operator()(std::uint64_t number) const { append_number(number); }

 private:
  template <class T>
  void append_number(T number) const {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
  }
};

std::int64_t wall_time_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

class LineLog final : public Log {
 public:
  LineLog(const LogOptions& options, int descriptor)
      : level_(options.level),
        end_wait_ms_(options.end_wait_ms),
        descriptor_(descriptor),
        owned_(!options.path.empty()),
        writer_([this] { run(); }) {}
  ~LineLog() override;
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) override;
  bool takes(LogLevel level) const override { return level >= level_; }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  using Ticks = std::chrono::steady_clock;

  void run();
  void write_out(std::string_view bytes);
  bool wait_for_room() const;
  bool must_end() const { return ending_ && Ticks::now() >= end_.load(); }

  const LogLevel level_;
  const int end_wait_ms_;
  const int descriptor_;
  const bool owned_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string queued_;  // whole lines
  std::uint64_t dropped_unsaid_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> ending_{false};
  std::atomic<Ticks::time_point> end_{Ticks::time_point::max()};
  std::thread writer_;  // last: it uses the others
};

LineLog::~LineLog() {
  {
    const std::lock_guard lock(mutex_);
    end_ = Ticks::now() + std::chrono::milliseconds(end_wait_ms_);
    ending_ = true;
  }
  wake_.notify_one();
  writer_.join();
  if (owned_) ::close(descriptor_);
}

void LineLog::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!takes(level)) return;
  const std::int64_t now_ms = wall_time_ms();
  const std::string line = log_line(now_ms, level, event, fields);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (queued_.size() + line.size() > kMaxQueuedLogBytes) {
      ++dropped_;
      ++dropped_unsaid_;
      return;
    }
    wake = queued_.empty();
    if (dropped_unsaid_ > 0) {
      queued_ += log_line(now_ms, LogLevel::kWarning, "log.dropped", {{"lines", dropped_unsaid_}});
      dropped_unsaid_ = 0;
    }
    queued_ += line;
    wake = wake || queued_.size() > kMaxQueuedLogBytes / 2;
  }
  if (wake) wake_.notify_one();
}

void LineLog::run() {
  // A reader that went away is an error of write() and no signal that ends the program.
  sigset_t pipe{};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  static_cast<void>(::pthread_sigmask(SIG_BLOCK, &pipe, nullptr));
  std::string taken;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return ending_ || !queued_.empty(); });
      if (queued_.empty()) return;
      wake_.wait_for(lock, kGather, [this] { return ending_ || queued_.size() > kMaxQueuedLogBytes / 2; });
      taken.clear();
      taken.swap(queued_);
    }
    write_out(taken);
  }
}

// False: there will be none before the log must end.
bool LineLog::wait_for_room() const {
  pollfd waited{descriptor_, POLLOUT, 0};
  while (!must_end()) {
    const int ready = ::poll(&waited, 1, kPollMs);
    if (ready > 0) return (waited.revents & POLLOUT) != 0;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

void LineLog::write_out(std::string_view bytes) {
  while (!bytes.empty() && wait_for_room()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kWriteBytes));
    if (written < 0 && errno != EINTR && errno != EAGAIN) break;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  // The reader is gone or the disk is full: there is nowhere to say so but the count.
  dropped_ += static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
}

}  // namespace

std::string log_line(std::int64_t time_ms, LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":\"";
  append_time(line, time_ms);
  line.append("\",\"level\":\"").append(kLevels[static_cast<std::size_t>(level)]).append("\",\"event\":");
  append_text(line, event);
  for (const LogField& field : fields) {
    line += ',';
    append_text(line, field.name);
    line += ':';
    std::visit(AppendValue{line}, field.value);
  }
  line.append("}\n");
  return line;
}

Result<std::unique_ptr<Log>> Log::open(const LogOptions& options) {
  int descriptor = STDERR_FILENO;
  if (!options.path.empty()) {
    // Without O_NONBLOCK a FIFO that nobody reads would be waited for.
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    descriptor = ::open(options.path.c_str(), kFlags, 0640);
    if (descriptor < 0) return Error{Code::kIo, "cannot write the log '" + options.path + "': " + std::strerror(errno)};
  }
  return std::unique_ptr<Log>(std::make_unique<LineLog>(options, descriptor));
}

}  // namespace arete::os
