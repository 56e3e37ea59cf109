// wire: bytes of gRPC as messages and back, within limits that the library does not have.
//
// A message of a few bytes a field takes a hundred times that as an object, so the fields are counted before one is
// made. Private to this room. Threads: pure. Limits: kMaxFields. Spec: protobuf's wire format.
#pragma once

#include <cstddef>

#include <grpcpp/impl/codegen/config_protobuf.h>
#include <grpcpp/support/byte_buffer.h>

#include "core/result.h"

namespace arete::serve {

// Of all messages in a message together; packed numbers and raw bytes are one each.
inline constexpr std::size_t kMaxFields = std::size_t{1} << 20;

// kExhausted for more bytes or fields than there may be, kCorrupt for bytes that are no such message. Empties `bytes`.
Status parse(grpc::ByteBuffer& bytes, std::size_t max_bytes, google::protobuf::Message& into);

// kExhausted for a message that is larger than the format allows.
Result<grpc::ByteBuffer> serialize(const google::protobuf::Message& message);

}  // namespace arete::serve
