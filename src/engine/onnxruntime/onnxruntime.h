// The ONNX Runtime engine, in this process.
//
// The library is opened at run time from the paths in EngineOptions, so that a program starts
// without it and may be pointed at another build (1.21 or newer). It is never closed again.
// Threads: engine and sessions may be shared; Session::run is concurrent. Ownership: outputs keep
// the engine's memory that they lie in; they may outlive their session.
// Not for: sequences, maps and optional values (kUnsupported at open, by name).
// Spec: onnxruntime_c_api.h, API 21.
#pragma once

#include <memory>

#include "core/result.h"
#include "engine/engine.h"

namespace arete::engine {

// kUnavailable naming every path that was tried and why it did not do.
Result<std::unique_ptr<Engine>> make_onnxruntime(const EngineOptions& options);

}  // namespace arete::engine
