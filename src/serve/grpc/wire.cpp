#include "serve/grpc/wire.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <cstdint>
#include <limits>
#include <string>

namespace arete::serve {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

constexpr int kMaxDepth = 16;  // ours nest five deep

enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };  // 3 and 4, groups, are refused

Error no_message() { return {Code::kCorrupt, "the bytes are no message of this call"}; }

class FieldCounter {
 public:
  explicit FieldCounter(CodedInputStream& in) : in_(in) {}

  Status count(const Descriptor* type, int depth) {
    if (depth > kMaxDepth) return Error{Code::kInvalid, "the message is nested too deep"};
    while (const std::uint32_t tag = in_.ReadTag()) {
      if (++fields_ > kMaxFields) {
        return Error{Code::kExhausted, "the message has more than " + std::to_string(kMaxFields) +
                                           " fields; send numbers packed, or raw_input_contents"};
      }
      RETURN_IF_ERROR(skip(tag, type, depth));
    }
    return in_.ConsumedEntireMessage() ? Status() : no_message();
  }

 private:
  Status skip(std::uint32_t tag, const Descriptor* type, int depth) {
    std::uint64_t number = 0;
    std::uint32_t small = 0;
    switch (static_cast<Wire>(tag & 7U)) {
      case Wire::kVarint:
        return in_.ReadVarint64(&number) ? Status() : no_message();
      case Wire::kFixed64:
        return in_.ReadLittleEndian64(&number) ? Status() : no_message();
      case Wire::kFixed32:
        return in_.ReadLittleEndian32(&small) ? Status() : no_message();
      case Wire::kBytes:
        return skip_bytes(type->FindFieldByNumber(static_cast<int>(tag >> 3U)), depth);
    }
    return no_message();
  }

  Status skip_bytes(const FieldDescriptor* field, int depth) {
    int length = 0;
    if (!in_.ReadVarintSizeAsInt(&length)) return no_message();
    if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE)
      return in_.Skip(length) ? Status() : no_message();
    const CodedInputStream::Limit outer = in_.PushLimit(length);
    RETURN_IF_ERROR(count(field->message_type(), depth + 1));
    if (in_.BytesUntilLimit() != 0) return no_message();
    in_.PopLimit(outer);
    return {};
  }

  CodedInputStream& in_;
  std::size_t fields_ = 0;
};

Status count_fields(grpc::ByteBuffer& bytes, const Descriptor* type) {
  grpc::ProtoBufferReader reader(&bytes);
  CodedInputStream in(&reader);
  return FieldCounter(in).count(type, 0);
}

}  // namespace

Status parse(grpc::ByteBuffer& bytes, std::size_t max_bytes, google::protobuf::Message& into) {
  if (bytes.Length() > max_bytes) {
    return Error{Code::kExhausted, "the message has " + std::to_string(bytes.Length()) + " bytes, the limit is " +
                                       std::to_string(max_bytes)};
  }
  RETURN_IF_ERROR(count_fields(bytes, into.GetDescriptor()));
  {
    grpc::ProtoBufferReader reader(&bytes);
    if (!into.ParseFromZeroCopyStream(&reader)) return no_message();
  }
  bytes.Clear();
  return {};
}

Result<grpc::ByteBuffer> serialize(const google::protobuf::Message& message) {
  if (message.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return Error{Code::kExhausted, "the answer is larger than 2 GiB, the most that gRPC carries"};
  grpc::ByteBuffer bytes;
  bool own = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(message, &bytes, &own);
  if (!status.ok()) return Error{Code::kBug, status.error_message()};
  return bytes;
}

}  // namespace arete::serve
