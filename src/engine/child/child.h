// ChildEngine: an engine whose every session runs in a process of its own, so that a model may crash, hang or take all
// memory without harm to this one, and gives all its memory back when its session is closed.
//
// Tensors go through shared memory, a copy in and a copy out; the child's numbers are checked, never believed.
// Not for: figures of latency (a run costs two switches and the copies more), a fleet of tiny models (a process each).
// Threads: engine and sessions may be shared; as many runs as there are lanes go on at once, more wait for a lane.
// Ownership: the engine outlives its sessions. Outputs are the caller's own. A session keeps the model's bytes (a
// mapped file costs nothing) and external data that is in memory, to start the child anew. Limits: kMaxLanes;
// ChildOptions. Errors beside engine.h's: a run whose child died is kBug with the signal's name, one that was stopped
// by another run's timeout kUnavailable. The next run starts a new child, once: where that one dies too before it
// answered a run, all runs are kUnavailable from then on. A model that crashes at open is kBug; the next open starts a
// new child as always. Format and reasons: docs/adr/0005.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/engine.h"
#include "os/base/process.h"

namespace arete::engine {

inline constexpr int kMaxLanes = 16;

struct ChildOptions {
  std::string program;                                   // arete-engine
  std::string engine;                                    // the engine in the child, by the name of its row
  std::vector<std::string> library_paths = {};           // of its library, tried in order
  int lanes = 2;                                         // runs at once
  int open_timeout_ms = 0;                               // past it the child is killed: kTimeout. 0: none
  int run_timeout_ms = 0;                                // from the start of a run in the child, likewise
  std::uint64_t memory_bytes = 0;                        // what a child may take beyond its start; 0: no limit
  std::uint64_t max_run_bytes = std::uint64_t{1} << 30;  // inputs, or outputs, of one run: kExhausted above
};

// Since the engine was made.
struct ChildCounts {
  std::uint64_t started = 0;    // processes
  std::uint64_t crashed = 0;    // ended by themselves
  std::uint64_t timed_out = 0;  // stopped because they did not answer
  std::uint64_t restarted = 0;  // started anew by a run
};

class ChildEngine : public Engine {
 public:
  virtual ChildCounts counts() const = 0;
  // Their process ids, also of the one that waits for the next open.
  virtual std::vector<std::int64_t> processes() const = 0;
};

// Starts a first child, which says its engine's name and version and then serves the first open. kUnavailable when the
// program or its library is not there, kTimeout. `starter`: the system's where it is null.
Result<std::unique_ptr<ChildEngine>> make_child(const ChildOptions& options,
                                                std::unique_ptr<os::ProcessStarter> starter = nullptr);

}  // namespace arete::engine
