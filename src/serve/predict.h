// predict: the answer to POST /predict, whatever form the question has.
//
//   multipart/form-data, field "image"       an image
//   image/jpeg, image/png, ...               an image, as the body itself
//   application/json {"inputs": {name: ..}}  nested numbers, for any model
//   application/json {"record": {..}} or {..}  named numbers, where the card says record
//
// Answers {"prediction", "confidence", "probabilities"} for classification, {"outputs": {..}} for
// other models, both for {"inputs"} (with "predictions", a list, for more rows than one).
// Threads: any. Blocks for the model's run. Limits: PredictLimits.
#pragma once

#include <cstddef>

#include "os/http_server/http_message.h"
#include "serve/model_service.h"

namespace arete::serve {

struct PredictLimits {
  std::size_t max_image_bytes = std::size_t{32} << 20;
  // A number of JSON text takes up to 20 times its bytes in memory while it is read.
  std::size_t max_json_bytes = std::size_t{8} << 20;
};

// What a multipart body may be larger than its image.
inline constexpr std::size_t kMultipartOverheadBytes = 65536;

os::HttpResponse predict(const ModelService& service, const PredictLimits& limits, const os::HttpRequest& request);

}  // namespace arete::serve
