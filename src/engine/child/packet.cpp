#include "engine/child/packet.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace arete::engine {
namespace {

constexpr std::uint64_t kPartAlignment = 64;
constexpr std::uint64_t kMostCode = static_cast<std::uint64_t>(Code::kBug);

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
}

Error corrupt(const char* what) { return {Code::kCorrupt, std::string("between engine and child: ") + what}; }

// Lengths and bytes one behind the other.
std::string pack_strings(std::span<const std::string> strings) {
  std::string packed;
  for (const std::string& text : strings) {
    const std::uint64_t size = text.size();
    packed.append(reinterpret_cast<const char*>(&size), sizeof(size));
    packed += text;
  }
  return packed;
}

Result<Tensor> unpack_strings(Shape shape, std::span<const std::byte> part) {
  const std::string packed(reinterpret_cast<const char*>(part.data()), part.size());  // it may change there
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  if (static_cast<std::uint64_t>(count) > packed.size() / sizeof(std::uint64_t)) return corrupt("strings are missing");
  std::vector<std::string> strings;
  strings.reserve(static_cast<std::size_t>(count));
  std::size_t at = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t size = 0;
    if (packed.size() - at < sizeof(size)) return corrupt("strings are missing");
    std::memcpy(&size, packed.data() + at, sizeof(size));
    at += sizeof(size);
    if (packed.size() - at < size) return corrupt("a string is cut off");
    strings.push_back(packed.substr(at, static_cast<std::size_t>(size)));
    at += static_cast<std::size_t>(size);
  }
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

}  // namespace

void Packet::number(std::uint64_t value) { meta_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }

void Packet::text(std::string_view value) {
  number(value.size());
  meta_ += value;
}

void Packet::value_infos(std::span<const ValueInfo> infos) {
  number(infos.size());
  for (const ValueInfo& info : infos) {
    text(info.name);
    number(static_cast<std::uint64_t>(info.dtype));
    number(info.known_shape ? 1 : 0);
    number(info.shape.size());
    for (const std::int64_t size : info.shape) number(static_cast<std::uint64_t>(size));
    number(info.axes.size());
    for (const std::string& axis : info.axes) text(axis);
  }
}

void Packet::tensor(std::string_view name, const Tensor& tensor) {
  text(name);
  number(static_cast<std::uint64_t>(tensor.dtype()));
  number(tensor.shape().size());
  for (const std::int64_t size : tensor.shape()) number(static_cast<std::uint64_t>(size));
  if (tensor.dtype() != DType::kString) return part(tensor.bytes());
  packed_strings_.push_back(pack_strings(tensor.strings()));
  part(std::as_bytes(std::span(packed_strings_.back())));
}

void Packet::part(std::span<const std::byte> bytes) {
  number(bytes.size());
  parts_.push_back(bytes);
}

Result<Frame> Packet::put(os::SharedBlock& block, FrameKind kind, std::uint64_t max_bytes) const {
  std::uint64_t total = aligned(meta_.size());
  for (const auto& bytes : parts_) total += aligned(bytes.size());
  if (meta_.size() > kMaxMetaBytes || total > max_bytes) {
    return Error{Code::kExhausted, std::to_string(total) + " bytes at once between engine and child; the limit is " +
                                       std::to_string(max_bytes)};
  }
  RETURN_IF_ERROR(block.reserve(total));
  std::byte* to = block.bytes().data();
  if (!meta_.empty()) std::memcpy(to, meta_.data(), meta_.size());
  to += aligned(meta_.size());
  for (const auto& bytes : parts_) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += aligned(bytes.size());
  }
  return Frame{kind, 0, meta_.size(), total};
}

Result<PacketReader> PacketReader::take(os::SharedBlock& block, const Frame& frame, std::uint64_t max_bytes) {
  if (frame.meta_bytes > kMaxMetaBytes || frame.block_bytes > max_bytes ||
      aligned(frame.meta_bytes) > frame.block_bytes) {
    return corrupt("sizes beyond the limit");
  }
  RETURN_IF_ERROR(block.map(frame.block_bytes));
  const std::span<const std::byte> all = std::span<const std::byte>(block.bytes()).first(frame.block_bytes);
  std::string meta(reinterpret_cast<const char*>(all.data()), frame.meta_bytes);
  return PacketReader(std::move(meta), all.subspan(aligned(frame.meta_bytes)));
}

Result<std::uint64_t> PacketReader::number() {
  std::uint64_t value = 0;
  if (meta_.size() - at_ < sizeof(value)) return corrupt("a number is missing");
  std::memcpy(&value, meta_.data() + at_, sizeof(value));
  at_ += sizeof(value);
  return value;
}

Result<std::uint64_t> PacketReader::number_up_to(std::uint64_t most) {
  ASSIGN_OR_RETURN(const std::uint64_t value, number());
  if (value > most) return corrupt("a number is too large");
  return value;
}

Result<std::string> PacketReader::text(std::uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const std::uint64_t size, number_up_to(max_bytes));
  if (meta_.size() - at_ < size) return corrupt("a text is cut off");
  std::string value = meta_.substr(at_, size);
  at_ += size;
  return value;
}

Result<std::vector<ValueInfo>> PacketReader::value_infos() {
  ASSIGN_OR_RETURN(const std::uint64_t count, number_up_to(kMaxTensors));
  std::vector<ValueInfo> infos(count);
  for (ValueInfo& info : infos) {
    ASSIGN_OR_RETURN(info.name, text());
    ASSIGN_OR_RETURN(const std::uint64_t dtype, number_up_to(kDTypeCount - 1));
    info.dtype = static_cast<DType>(dtype);
    ASSIGN_OR_RETURN(const std::uint64_t known, number_up_to(1));
    info.known_shape = known == 1;
    ASSIGN_OR_RETURN(const std::uint64_t rank, number_up_to(kMaxRank));
    for (std::uint64_t i = 0; i < rank; ++i) {
      ASSIGN_OR_RETURN(const std::uint64_t size, number());
      info.shape.push_back(static_cast<std::int64_t>(size));
    }
    ASSIGN_OR_RETURN(const std::uint64_t axes, number_up_to(kMaxRank));
    for (std::uint64_t i = 0; i < axes; ++i) {
      ASSIGN_OR_RETURN(std::string axis, text());
      info.axes.push_back(std::move(axis));
    }
  }
  return infos;
}

Result<std::span<const std::byte>> PacketReader::part() {
  ASSIGN_OR_RETURN(const std::uint64_t size, number());
  if (size > parts_.size()) return corrupt("a part is cut off");
  const std::span<const std::byte> taken = parts_.first(size);
  parts_ = parts_.subspan(std::min<std::uint64_t>(aligned(size), parts_.size()));
  return taken;
}

Result<NamedTensor> PacketReader::tensor(bool copy) {
  ASSIGN_OR_RETURN(std::string name, text());
  ASSIGN_OR_RETURN(const std::uint64_t number, number_up_to(kDTypeCount - 1));
  const auto dtype = static_cast<DType>(number);
  ASSIGN_OR_RETURN(const std::uint64_t rank, number_up_to(kMaxRank));
  Shape shape;
  for (std::uint64_t i = 0; i < rank; ++i) {
    ASSIGN_OR_RETURN(const std::uint64_t size, this->number());
    shape.push_back(static_cast<std::int64_t>(size));
  }
  ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, part());
  if (dtype == DType::kString) {
    ASSIGN_OR_RETURN(Tensor strings, unpack_strings(std::move(shape), bytes));
    return NamedTensor{std::move(name), std::move(strings)};
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::wrap(dtype, std::move(shape), {nullptr, bytes}));
  if (copy) tensor.mutable_bytes();
  return NamedTensor{std::move(name), std::move(tensor)};
}

Status send_frame(const os::MessageSocket& socket, const Frame& frame) {
  return socket.send(std::as_bytes(std::span(&frame, 1)));
}

Result<Frame> receive_frame(const os::MessageSocket& socket, int timeout_ms) {
  Frame frame;
  ASSIGN_OR_RETURN(const std::size_t size, socket.receive(std::as_writable_bytes(std::span(&frame, 1)), timeout_ms));
  if (size != sizeof(frame)) return corrupt("a message of another length");
  return frame;
}

Packet error_packet(const Error& error) {
  Packet packet;
  packet.number(static_cast<std::uint64_t>(error.code));
  packet.text(std::string_view(error.message).substr(0, kMaxTextBytes));
  return packet;
}

Error read_error(PacketReader& reader) {
  const Result<std::uint64_t> code = reader.number_up_to(kMostCode);
  if (!code) return {Code::kBug, code.error().message};
  Result<std::string> message = reader.text();
  if (!message) return {Code::kBug, message.error().message};
  return {static_cast<Code>(*code), std::move(*message)};
}

}  // namespace arete::engine
