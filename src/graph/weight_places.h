// WeightPlaces: which bytes of a model's files are which weight, so that a file can be cut there and put together
// again.
//
// Not for: values (onnx_io.h). Reads no weight: the cost is that of the graph.
// Threads: pure. Spec: onnx.proto TensorProto; ONNX's ExternalData.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace arete::graph {

struct WeightPlace {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct WeightPlaces {
  std::vector<WeightPlace> model;                               // in the model's own bytes, in their order
  std::map<std::string, std::vector<WeightPlace>> beside = {};  // in the files of external data, by their location
};

// kCorrupt where these are no ONNX bytes, kExhausted over the limits of onnx_io.h, errors of check_external_location.
Result<WeightPlaces> find_weights(std::span<const std::byte> model);

}  // namespace arete::graph
