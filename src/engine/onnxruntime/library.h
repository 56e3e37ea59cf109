// Opens libonnxruntime at run time and keeps it, with the one Ort::Env that a process may have.
//
// Threads: open_library may be called from several; the first successful call decides the library
// for the rest of the process (the C++ wrapper of ONNX Runtime holds one table of functions).
#pragma once

#include <onnxruntime_cxx_api.h>

#include <span>
#include <string>

#include "core/result.h"

namespace arete::engine {

struct OrtLibrary {
  std::string path;
  std::string version;  // "1.31.1"
  int minor = 0;        // 31
  const OrtApi* api = nullptr;
  Ort::Env env{nullptr};
};

// The first of `paths` that is an ONNX Runtime we can speak to. kUnavailable otherwise; kConflict
// when this process already runs another one.
Result<const OrtLibrary*> open_library(std::span<const std::string> paths);

}  // namespace arete::engine
