// ONNX Runtime's errors as ours: a code for each of its codes, and its words (words.h).
// Threads: pure.
#pragma once

#include <onnxruntime_cxx_api.h>

#include "core/error.h"

namespace arete::engine {

Error to_error(const Ort::Exception& failure);

}  // namespace arete::engine
