#include "os/base/limits.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "os/base/machine.h"

namespace arete::os {

TimeLimit::TimeLimit(double seconds, std::string words, int status)
    : thread_([this, seconds, words = std::move(words), status] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return over_; })) return;
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words.data(), words.size());
        ::_exit(status);  // not exit(): threads are at work on what its handlers would take apart
      }) {}

TimeLimit::~TimeLimit() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Status limit_memory(std::uint64_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, private_bytes() + bytes);
    if (::setrlimit(RLIMIT_DATA, &limit) == 0) return {};
  }
  return Error{Code::kUnavailable, std::string("the memory cannot be limited: ") + std::strerror(errno)};
}

}  // namespace arete::os
