// Batcher: runs what many connections ask of one session, several requests in one run where that is known to
// change no answer.
//
// A request runs at once while a run is free. While all are busy requests wait, and whichever run ends takes as
// many of them as fit together: batches grow with the load and nothing waits when idle. `max_delay_ns` lets a run
// wait for more on top of that, only as long as the arrivals of late promise to fill it.
// One bad member never spoils the others: where a joined run fails, each runs alone; one with NaN or an infinity in its
// inputs joins no other.
// Not for: deciding whether joining is right (batch_proof.h), decoding, HTTP.
// Threads: all functions from any. `done` is called once for each request, on the thread that ran it or refused
// it, never under a lock. Ownership: owns the session. Work that a runner was handed must end before the batcher does:
// whoever gives the runner sees to that.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/move_function.h"
#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "os/base/machine.h"

namespace arete::serve {

inline constexpr int kPriorities = 4;  // 0 goes first
inline constexpr int kDefaultPriority = 2;
inline constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

struct BatcherOptions {
  int max_runs = 1;                                       // at once
  std::size_t max_queued = 1024;                          // requests that wait
  std::size_t max_queued_bytes = std::size_t{512} << 20;  // of their inputs
  std::int64_t max_wait_ns = 2'000'000'000;               // a request that is expected to wait longer is refused
  std::int64_t max_delay_ns = 0;                          // that a run waits for more to join it
};

// One answer, and how it came to be.
struct Inference {
  std::vector<Tensor> outputs;  // in the order of the session's outputs
  std::int64_t decode_ns = 0;   // before it came here, as who asked knows
  std::int64_t queue_ns = 0;
  std::int64_t compute_ns = 0;  // of the run it was part of
  std::int64_t run_rows = 1;    // rows of that run
  bool from_cache = false;      // nothing ran for it
};
using InferenceDone = MoveFunction<void(Result<Inference>)>;

struct InferenceRequest {
  std::vector<NamedTensor> inputs;  // in the order of the session's inputs, checked against them
  int priority = kDefaultPriority;
  std::int64_t deadline_ns = kNoDeadline;  // by the batcher's clock; a request that waited past it is refused
  InferenceDone done;
};

// Where a request may run.
enum class RunOn : std::uint8_t {
  kHere,    // on the caller's thread when a run is free
  kRunner,  // on a runner
};

// What happened so far.
struct BatcherCounts {
  std::size_t queued = 0;  // now
  int running = 0;         // now
  std::uint64_t runs = 0;
  std::uint64_t joined_runs = 0;  // of more than one request
  std::uint64_t runs_apart = 0;   // joined runs that failed, whose members ran alone
  std::uint64_t refused = 0;      // no room, or too long a wait
  std::uint64_t expired = 0;      // past their deadline
};

class Batcher {
 public:
  // Takes work that may block for a run's time; false when it cannot.
  using Runner = std::function<bool(std::function<void()> work)>;
  // Told after each run: its requests' rows together, its time, and whether it went well.
  using Observer = std::function<void(std::int64_t rows, std::int64_t compute_ns, bool ok)>;

  Batcher(std::unique_ptr<engine::Session> session, const BatcherOptions& options, Runner runner,
          const os::Clock& clock, Observer observer = {});

  // kUnavailable where it would wait too long, kTimeout past its deadline, else what the run says.
  void submit(InferenceRequest request, RunOn where);

  // From now on requests whose first axes agree run together, up to that many rows; 1 for each alone.
  void allow_rows(std::int64_t max_rows);
  std::int64_t max_rows() const;

  // One run on this thread past the queue, for trials; waits where the session is not concurrent.
  Result<std::vector<Tensor>> run_alone(std::span<const NamedTensor> inputs);

  engine::Session& session() const { return *session_; }
  // kUnavailable when a request that comes in `before_ns` would wait too long all in all, by the runs of late.
  Status check_wait(std::int64_t before_ns) const;
  // Mean time of a row in the runs of late; 0 before the first.
  std::int64_t row_ns() const;
  BatcherCounts counts() const;

 private:
  struct Waiting {
    InferenceRequest request;
    std::int64_t since_ns = 0;
    std::int64_t rows = 0;  // 0: joins no other
    std::size_t bytes = 0;
  };
  using Batch = std::vector<Waiting>;

  Waiting wrap(InferenceRequest request) const;
  std::optional<Error> refusal(const Waiting& waiting) const;   // under the lock
  std::optional<Error> too_long(std::int64_t before_ns) const;  // under the lock
  void note_arrival(std::int64_t now_ns);                       // under the lock
  void work();                                                  // holds a run until nothing waits, turn by turn
  void hand_over();                                             // the run that ended here goes on on a runner
  Batch take(std::unique_lock<std::mutex>& lock, Batch& expired);
  Waiting remove(std::deque<Waiting>& queue, std::deque<Waiting>::iterator& at);
  void drop_expired(std::int64_t now_ns, Batch& expired);
  void wait_for_more(std::unique_lock<std::mutex>& lock);
  std::int64_t promised_delay_ns() const;  // under the lock
  void run(Batch batch);
  void run_one(Waiting& waiting, std::int64_t now_ns);
  bool run_joined(Batch& batch);  // false: nobody was answered
  Result<std::vector<Tensor>> timed_run(std::span<const NamedTensor> inputs, std::int64_t rows, std::int64_t start_ns,
                                        std::int64_t& compute_ns);
  bool all_empty() const;

  const std::unique_ptr<engine::Session> session_;
  const BatcherOptions options_;
  const Runner runner_;
  const os::Clock& clock_;
  const Observer observer_;
  std::mutex one_at_a_time_;  // for sessions that are not concurrent

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::array<std::deque<Waiting>, kPriorities> queues_;
  std::int64_t max_rows_ = 1;
  std::int64_t queued_rows_ = 0;
  std::size_t queued_bytes_ = 0;
  double row_ns_ = 0;       // moving mean
  double interval_ns_ = 0;  // moving mean of the time between arrivals
  std::int64_t last_arrival_ns_ = 0;
  BatcherCounts counts_;
};

}  // namespace arete::serve
