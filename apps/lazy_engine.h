// The chosen engine, whose library is opened with the first model: a server that has none yet stays small.
// Threads: as engine::Engine.
#pragma once

#include <memory>

#include "apps/engines.h"
#include "engine/engine.h"

namespace arete::apps {

// version() is empty before the first model. open() gives kUnavailable without the engine's library.
std::unique_ptr<engine::Engine> make_lazy_engine(const EngineChoice& choice);

}  // namespace arete::apps
