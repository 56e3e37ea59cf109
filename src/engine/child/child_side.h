// The child's side: opens the one model that the parent sends and answers its runs until the parent is gone.
//
// Not for: confining the process (os/base/process.h), choosing the engine (the program's main).
// Threads: answer_parent() takes the calling thread for lane 0 and one of its own for each other lane.
// Ownership: the lanes are this process's ends. Limits: those that the parent named.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/result.h"
#include "engine/child/lanes.h"
#include "engine/engine.h"

namespace arete::engine {

// The lanes that lie in the descriptors from `first` on, as child.cpp hands them over.
std::vector<Lane> adopt_lanes(int first, int count);

// Says that the engine is ready, or why it is not, and answers until the parent closes lane 0. Blocks. Errors are the
// parent's to see; what comes back is why this side ended.
Status answer_parent(std::vector<Lane> lanes, Result<std::unique_ptr<Engine>> engine, std::uint64_t max_run_bytes);

}  // namespace arete::engine
