// WorkerPool: a fixed number of threads that run jobs from a bounded queue, first in, first out.
//
// Threads: try_run may be called from many. Ownership: the pool owns its threads; the destructor
// runs every job that was taken and joins. Limits: max_queued jobs wait at most.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace arete::os {

class WorkerPool {
 public:
  WorkerPool(int threads, std::size_t max_queued);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Takes the job, or returns false at once when max_queued jobs wait. Jobs must not throw.
  bool try_run(std::function<void()> job);

 private:
  void work();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace arete::os
