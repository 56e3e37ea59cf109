// arete_tensor: a core Tensor behind a handle.
// Threads: never changes once it is made.
#pragma once

#include "api/run/status.h"
#include "core/tensor.h"

struct arete_tensor {
  arete::Tensor tensor;
  bool borrowed = false;  // its bytes belong to the caller and may go when this handle goes
};
