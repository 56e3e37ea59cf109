#include "os/http_server/worker_pool.h"

#include <algorithm>

namespace arete::os {

WorkerPool::WorkerPool(int threads, std::size_t max_queued) : max_queued_(max_queued) {
  for (int i = 0; i < std::max(1, threads); ++i) threads_.emplace_back([this] { work(); });
}

WorkerPool::~WorkerPool() { finish(); }

void WorkerPool::finish() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool WorkerPool::try_reserve() {
  const std::lock_guard lock(mutex_);
  if (ending_ || jobs_.size() + reserved_ >= max_queued_) return false;
  ++reserved_;
  return true;
}

void WorkerPool::run_reserved(Job job) {
  {
    const std::lock_guard lock(mutex_);
    --reserved_;
    jobs_.push_back(std::move(job));
    if (ending_) wake_.notify_all();  // those that only waited for the last reservation
  }
  wake_.notify_one();
}

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !jobs_.empty() || (ending_ && reserved_ == 0); });
    if (jobs_.empty()) return;
    {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
}

}  // namespace arete::os
