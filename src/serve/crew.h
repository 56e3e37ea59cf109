// Crew: the threads of a server, and what all its models share.
//
// Handlers decode questions and write answers; runners sit in the engine. They are apart so that requests are ready
// when a run gets free, and a batch finds its members.
// Threads: any. Ownership: outlives the models and routes that borrow it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "os/base/machine.h"
#include "os/http_server/worker_pool.h"
#include "serve/answer_cache.h"
#include "serve/metrics.h"

namespace arete::serve {

inline constexpr std::size_t kMaxWaitingJobs = 2048;
inline constexpr std::chrono::milliseconds kTrimDelay{100};

struct Crew {
  explicit Crew(int cores, const CacheOptions& caching = {}, const os::Clock& given = os::real_clock())
      : clock(given),
        cache(caching, given),
        handlers(cores, kMaxWaitingJobs),
        runners(cores, kMaxWaitingJobs),
        handler_count_(cores < 1 ? 1 : cores) {}
  // Each hands work to the others until its own last job is done, and a model is freed by chores whoever held it last.
  ~Crew() {
    handlers.finish();
    runners.finish();
    proofs.finish();
    chores.finish();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Around the reading of a request on a handler, from when it waits for one.
  void reading_waits() { ++readings_; }
  void reading_ends(std::int64_t took_ns) {
    const std::int64_t mean = reading_ns_.load(std::memory_order_relaxed);
    reading_ns_.store(mean == 0 ? took_ns : mean + (took_ns - mean) / 8, std::memory_order_relaxed);
    --readings_;
  }
  void reading_is_dropped() { --readings_; }
  // How long a request that came now would wait for a handler, by the readings of late.
  std::int64_t expected_reading_wait_ns() const {
    return reading_ns_.load(std::memory_order_relaxed) * readings_.load(std::memory_order_relaxed) / handler_count_;
  }

  // What a large question took while it was numbers goes back to the system soon, once whoever holds it let go.
  void trim_soon() {
    if (trim_waits.exchange(true)) return;
    const bool taken = chores.try_run([this] {
      std::this_thread::sleep_for(kTrimDelay);
      trim_waits = false;
      os::return_freed_memory();
    });
    if (!taken) trim_waits = false;
  }

  ServeMetrics metrics;
  const os::Clock& clock;
  AnswerCache cache;
  std::atomic<std::uint64_t> openings{0};  // of models; the cache tells them apart by it
  std::atomic<bool> trim_waits = false;
  os::WorkerPool handlers;
  os::WorkerPool runners;
  os::WorkerPool proofs{1, kMaxWaitingJobs};  // of models that answer already
  os::WorkerPool chores{1, kMaxWaitingJobs};  // freeing what was unloaded, which no proof shall hold up

 private:
  const int handler_count_;
  std::atomic<int> readings_{0};  // that wait or are under way
  std::atomic<std::int64_t> reading_ns_{0};
};

}  // namespace arete::serve
