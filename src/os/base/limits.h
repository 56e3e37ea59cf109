// Limits on what this process may take, time and memory, for work on a stranger's model.
//
// Not for: work that can be asked to stop (stop_requested() in machine.h), or a part of a process. What an engine runs
// in this process can only be stopped with it.
// Threads: a TimeLimit has a thread of its own; limit_memory() is called once, before threads start.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "core/result.h"

namespace arete::os {

// Ends the process with `status` and `words` on stderr once `seconds` have passed, unless it is gone by then: it must
// not be there while files are written.
class TimeLimit {
 public:
  TimeLimit(double seconds, std::string words, int status);
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  ~TimeLimit();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

// From now on the process may take `bytes` more than it has; what goes beyond fails like a machine without memory
// (std::bad_alloc, an engine's kExhausted). Files that are mapped to be read do not count.
Status limit_memory(std::uint64_t bytes);

}  // namespace arete::os
