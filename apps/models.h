// Opening a MODEL argument of the command line as a graph or for an engine.
#pragma once

#include <string>

#include "core/result.h"
#include "engine/engine.h"
#include "graph/onnx_io.h"
#include "proof/opened.h"

namespace arete::apps {

// Reads, sorts and verifies; errors begin with the path. External data may lie in the model's folder.
Result<graph::ReadModel> read_model(const std::string& path);

// The same, and of a text graph too (graph/text.h).
Result<graph::ReadModel> read_graph(const std::string& path);

// Opened and timed. Call read_model() first: its errors name cause and fix where the engine's may name neither.
Result<proof::Opened> open_session(engine::Engine& engine, const std::string& path, int threads);

}  // namespace arete::apps
