// WorkerPool: a fixed number of threads that run jobs from a bounded queue, first in, first out.
//
// Threads: every function but the destructor may be called from many. Ownership: the pool owns its threads; the
// destructor runs every job that was taken and joins. Limits: max_queued jobs wait at most.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/move_function.h"

namespace arete::os {

// A function that may hold what cannot be copied, such as a Responder. Runs once; must not throw.
using Job = MoveFunction<void()>;

class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t max_queued);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Takes the job, or returns false at once when max_queued jobs wait.
  bool try_run(Job job) {
    if (!try_reserve()) return false;
    run_reserved(std::move(job));
    return true;
  }
  // The same in two steps, for who needs what the job would hold when there is no place: after true,
  // run_reserved() must follow once.
  bool try_reserve();
  void run_reserved(Job job);
  // Takes no more jobs, runs those it took and joins; others may still ask it, and are refused. For one thread, which
  // is none of the pool's.
  void finish();

 private:
  void work();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::size_t reserved_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace arete::os
