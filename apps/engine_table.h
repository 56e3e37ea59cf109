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

// Where the engine of that name may find its library: the file `library`, or where that is empty the row's own in each
// of the folders. kNotFound for a name that is not in the table.
Result<engine::EngineOptions> engine_options(const std::string& name, const std::string& library,
                                             const std::vector<std::string>& folders);
Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const engine::EngineOptions& options);

// Both. kUnavailable without a library that will do.
Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library,
                                                    const std::vector<std::string>& folders);

}  // namespace arete::apps
