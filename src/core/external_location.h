// Where a model may keep weights outside its own file: files in its folder and below, nowhere else. A model from
// elsewhere could otherwise read what the user never offered, and show it in its outputs. Threads: pure. Spec: onnx
// docs, ExternalData.md (`location` is relative to the model's folder).
#pragma once

#include <string>

#include "core/result.h"

namespace arete {

// kInvalid when it is empty; kUntrusted when it is absolute, or holds a "..", a backslash or a NUL.
Status check_external_location(const std::string& location);

}  // namespace arete
