// WorkerPool: a fixed number of threads that run jobs from a bounded queue, first in, first out.
//
// Threads: every function but the destructor may be called from many. Ownership: the pool owns its threads; the
// destructor runs every job that was taken and joins. Limits: max_queued jobs wait at most.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace arete::os {

// A function that may hold what cannot be copied, such as a Responder. Runs once; must not throw.
class Job {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Job>)
  Job(F&& function) : held_(std::make_unique<Held<std::decay_t<F>>>(std::forward<F>(function))) {}  // NOLINT: implicit
  void operator()() { held_->run(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct Held final : Base {
    explicit Held(F&& given) : function(std::move(given)) {}
    explicit Held(const F& given) : function(given) {}
    void run() override { function(); }
    F function;
  };
  std::unique_ptr<Base> held_;
};

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
