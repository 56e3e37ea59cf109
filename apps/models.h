// Opening a MODEL argument of the command line as a graph or for an engine.
#pragma once

#include <string>

#include "core/result.h"
#include "engine/engine.h"
#include "graph/onnx_io.h"

namespace arete::apps {

// Reads, sorts and verifies; errors begin with the path. External data may lie in the model's folder.
Result<graph::ReadModel> read_model(const std::string& path);

// Verified as by read_model(), then opened.
Result<std::unique_ptr<engine::Session>> open_session(engine::Engine& engine, const std::string& path, int threads);

}  // namespace arete::apps
