// Opened: a session with what opening it cost.
// Threads: one; the session has its own rule (engine/engine.h).
#pragma once

#include <cstdint>
#include <memory>

#include "core/result.h"
#include "engine/engine.h"
#include "os/base/machine.h"

namespace arete::proof {

struct Opened {
  std::unique_ptr<engine::Session> session;
  double load_ms = 0;
  // How much the engine's process grew; 0 when memory that was free before was enough. The first
  // model that a process opens also pays for the engine itself.
  std::int64_t resident_growth_bytes = 0;
};

// Engine::open, timed. Same errors.
Result<Opened> open_measured(engine::Engine& engine, const engine::ModelSource& source,
                             const engine::SessionOptions& options, const os::Clock& clock = os::real_clock());

}  // namespace arete::proof
