// What both shared libraries hand to the api rooms.
// Threads: may be called from several.
#pragma once

#include <memory>
#include <string>

#include "api/run/model.h"

namespace arete::apps {

// The engine's library is looked for beside our own: installed in arete/ or ../arete/ there, in the build folder in the
// same folder.
Result<std::unique_ptr<engine::Engine>> make_library_engine(const std::string& name, const std::string& library);

}  // namespace arete::apps
