// The messages of the Open Inference Protocol, version 2 (KServe, Triton): what a request says, as values.
//
// Not for: bytes on the wire (v2_reader.h, v2_writer.h), routes (v2_routes.h). Threads: values.
// Spec: the protocol's REST form with its extensions for binary tensor data, classification, statistics, model
// repositories and parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/tensor.h"

namespace arete::serve {

// "FP32"; "" for dtypes that the protocol has no name for.
std::string_view v2_name(DType dtype);
std::optional<DType> v2_dtype(std::string_view name);

// The member or header that says how many bytes of a body are JSON.
inline constexpr std::string_view kJsonLengthHeader = "Inference-Header-Content-Length";

struct V2Output {
  std::size_t index = 0;  // of the model's outputs
  bool binary = false;
  int classes = 0;  // of the classification extension; 0: the tensor itself
};

struct V2Request {
  std::string id;
  std::vector<NamedTensor> inputs;
  std::vector<V2Output> outputs;  // in the order asked for; all of the model's where none was named
  int priority = 0;               // 0: the default one; 1 goes first
  std::int64_t timeout_us = 0;    // 0: none
};

}  // namespace arete::serve
