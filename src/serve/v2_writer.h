// The answer of the Open Inference Protocol: outputs as JSON, as binary tensor data, or as classes.
//
// Threads: pure. Numbers leave as the shortest text that reads back alike; NaN and infinities, which JSON lacks, as
// null. Spec: as v2_message.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "os/http_server/http_message.h"
#include "serve/model_codec.h"
#include "serve/v2_message.h"

namespace arete::serve {

// kUnsupported for an output that has no form in JSON and was not asked for as binary data, or no classes.
Result<os::HttpResponse> write_v2_response(const ModelCodec& codec, std::string_view version, const V2Request& request,
                                           const std::vector<Tensor>& outputs);

// One of the outputs, or its highest classes as texts. kUnsupported for no classes, and where the protocol has no name
// for its elements.
Result<Tensor> v2_output(const ModelCodec& codec, const V2Output& wanted, const std::vector<Tensor>& outputs);

// A tensor's elements as the binary extension packs them: little endian, strings each behind its length of 32 bits.
void append_packed_bytes(std::string& out, const Tensor& tensor);
void append_packed_text(std::string& out, std::string_view text);

// A tensor's elements as one flat JSON list. kUnsupported as above.
Status append_flat_json(std::string& out, const Tensor& tensor);

}  // namespace arete::serve
