// A request of the Open Inference Protocol as a model's inputs: JSON, binary tensor data, raw bodies, images, and
// messages that another door took apart.
//
// Threads: pure. Everything is checked against the model and the body's length before memory is asked for.
// Spec: as v2_message.h.
#pragma once

#include <string_view>

#include "core/result.h"
#include "os/http_server/http_message.h"
#include "serve/limits.h"
#include "serve/model_codec.h"
#include "serve/served_model.h"
#include "serve/v2_json.h"
#include "serve/v2_message.h"

namespace arete::serve {

// kInvalid, kCorrupt or kExhausted naming the input; kUnsupported for an extension that is not there.
Result<V2Request> read_v2_request(const ModelCodec& codec, const os::HttpRequest& request,
                                  std::size_t max_image_bytes = Limits{}.max_image_bytes);

// The same of a message whose inputs hold their data already, or say where their packed bytes lie. `binary`: how
// outputs leave that say nothing of it.
Result<V2Request> read_v2_message(const ModelCodec& codec, const V2RequestJson& message, bool binary,
                                  std::size_t max_image_bytes = Limits{}.max_image_bytes);

// What it asks of the model; its inputs move there.
ModelRequest take_question(V2Request& request);

}  // namespace arete::serve
