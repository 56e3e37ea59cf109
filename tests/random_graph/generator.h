// A random model that is valid and that every engine must run, and inputs for it. The same seed gives the same model
// on every machine.
// Threads: pure.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "graph/model.h"

namespace arete::test {

struct RandomModel {
  graph::Model model;
  std::vector<NamedTensor> inputs;
};

RandomModel random_model(std::uint64_t seed);

}  // namespace arete::test
