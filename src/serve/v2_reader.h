// A request of the Open Inference Protocol as a model's inputs: JSON, binary tensor data, raw bodies, images.
//
// Threads: pure. Everything is checked against the model and the body's length before memory is asked for.
// Spec: as v2_message.h.
#pragma once

#include <string_view>

#include "core/result.h"
#include "os/http_server/http_message.h"
#include "serve/model_codec.h"
#include "serve/v2_message.h"

namespace arete::serve {

// kInvalid, kCorrupt or kExhausted naming the input; kUnsupported for an extension that is not there.
Result<V2Request> read_v2_request(const ModelCodec& codec, const os::HttpRequest& request);

}  // namespace arete::serve
