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
      : clock(given), cache(caching, given), handlers(cores, kMaxWaitingJobs), runners(cores, kMaxWaitingJobs) {}

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
  os::WorkerPool chores{1, kMaxWaitingJobs};  // proofs in the background, freeing what was unloaded
};

}  // namespace arete::serve
