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

// The engine of that name. Its library is the file `library`, or where that is empty the row's own in the first of the
// folders that has one that will do. kNotFound for a name that is not in the table, kUnavailable without the library.
Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library,
                                                    const std::vector<std::string>& folders);

}  // namespace arete::apps
