// Opening a model for the functions of c.h. What the outside gives, files and engines, is handed in by the library's
// last link step (apps/library.cpp), so that no room names an engine.
//
// Not for: running, which is arete_model_run itself.
// Threads: open may be called from several.
#pragma once

#include <memory>
#include <string>

#include "arete/c.h"
#include "core/result.h"
#include "engine/engine.h"

namespace arete::api {

// The engine of that name ("" for the usual one) with its library from that file ("" for the usual places).
using EngineMaker = Result<std::unique_ptr<engine::Engine>> (*)(const std::string& name, const std::string& library);

// Where a model comes from: a file, or bytes with a name.
Result<engine::ModelSource> source_from_path(const os::FileSystem& files, const char* path);
Result<engine::ModelSource> source_from_bytes(const void* data, std::size_t size_bytes, const char* name);

// Everything of arete_model_open but where the bytes come from; exceptions of libraries are the caller's to stop.
Status open_model(const Result<engine::ModelSource>& source, EngineMaker make_engine,
                  const arete_model_options* options, arete_model** model);

}  // namespace arete::api
