// The table of engines that our programs and libraries carry: the one place where engines are named.
// Threads: pure, but for the engine's library, which is opened once a process.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "engine/engine.h"

namespace arete::apps {

inline constexpr const char* kDefaultEngine = "onnxruntime";

std::span<const engine::EngineRow> all_engines();

// Where the engine's library lies in a folder.
std::string library_in(const std::string& folder);

// The engine of that name, its library from the first of the paths that will do. kNotFound for a name that is not in
// the table, kUnavailable without the engine's library.
Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, std::vector<std::string> library_paths);

}  // namespace arete::apps
