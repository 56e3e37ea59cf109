// The messages of ModelInfer as the protocol's values, and its answers as messages; facts as the other messages.
//
// Private to this room. Threads: pure. Everything a message says is checked before memory is asked for.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <open_inference.pb.h>

#include "core/json.h"
#include "core/result.h"
#include "serve/model_codec.h"
#include "serve/v2_json.h"
#include "serve/v2_message.h"

namespace arete::serve {

// Borrows the message's bytes, and those that it had to pack anew from `kept`. kInvalid and kExhausted name the member.
Result<V2RequestJson> read_message(const inference::ModelInferRequest& message, std::deque<std::string>& kept);

// The answer: raw, or typed where the request wanted no output in binary form. The errors of v2_output, kUnsupported
// for an output that has no typed form.
Status write_message(const ModelCodec& codec, std::string_view version, const V2Request& request,
                     const std::vector<Tensor>& outputs, inference::ModelInferResponse& into);

// {"version": "2"} of the repository's messages.
Result<V2Parameters> read_parameters(
    const google::protobuf::Map<std::string, inference::ModelRepositoryParameter>& parameters);

// The protocol's JSON as one of its messages, by name. kBug when they do not fit.
Status fill(const Json& facts, google::protobuf::Message& message);

}  // namespace arete::serve
