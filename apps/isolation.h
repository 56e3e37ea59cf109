// The chosen engine in processes of its own (engine/child), found as arete-engine beside the running program.
// Threads: as engine/child/child.h.
#pragma once

#include <memory>

#include "apps/engines.h"
#include "core/result.h"
#include "engine/child/child.h"

namespace arete::apps {

// `options` without program, engine and library_paths, which follow from the choice. kUnavailable without arete-engine
// or the engine's library.
Result<std::unique_ptr<engine::ChildEngine>> make_isolated_engine(const EngineChoice& choice,
                                                                  engine::ChildOptions options);

}  // namespace arete::apps
