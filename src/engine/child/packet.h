// Packet: what parent and child say to each other, as bytes in a shared block with a small frame beside it.
//
// A block holds the meta bytes (numbers and texts, little endian) and behind them, each at a multiple of 64, the parts:
// the bytes of tensors or of a model. Whoever reads takes a copy of the meta first and believes none of its sizes. Not
// for: other machines, other versions (both sides are built together). Threads: values; no sharing. Ownership: a Packet
// borrows what its parts point to, but for the strings that it packs. Limits: kMaxMetaBytes, kMaxOpenBytes,
// kMaxTextBytes, kMaxTensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "os/base/message_socket.h"
#include "os/base/shared_block.h"

namespace arete::engine {

inline constexpr std::uint64_t kMaxMetaBytes = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kMaxOpenBytes = std::uint64_t{64} << 30;  // a model with its external data
inline constexpr std::uint64_t kMaxTextBytes = std::uint64_t{64} << 10;
inline constexpr std::uint64_t kMaxTensors = 16384;

enum class FrameKind : std::uint32_t {
  kReady = 1,  // child: name and version of its engine
  kOpen,       // parent: a model
  kRun,        // parent: the inputs
  kAnswer,     // child: what was asked for
  kFailed,     // child: code and message
};

// The message on the socket. The block's content belongs to the other side until it answers.
struct Frame {
  FrameKind kind = FrameKind::kFailed;
  std::uint32_t reserved = 0;
  std::uint64_t meta_bytes = 0;
  std::uint64_t block_bytes = 0;  // meta and parts
};

class Packet {
 public:
  void number(std::uint64_t value);
  void text(std::string_view value);
  void value_infos(std::span<const ValueInfo> infos);
  // Names, dtypes and shapes as meta, the elements as parts.
  void tensor(std::string_view name, const Tensor& tensor);
  void part(std::span<const std::byte> bytes);

  // Into the block, which grows up to `max_bytes` (kExhausted above).
  Result<Frame> put(os::SharedBlock& block, FrameKind kind, std::uint64_t max_bytes) const;

 private:
  std::string meta_;
  std::vector<std::span<const std::byte>> parts_;
  std::deque<std::string> packed_strings_;  // parts_ points here
};

// Reads a packet that the other side put into its block. Every call is kCorrupt where the bytes do not hold what is
// asked.
class PacketReader {
 public:
  // Takes a copy of the meta. `max_bytes`: more is not mapped.
  static Result<PacketReader> take(os::SharedBlock& block, const Frame& frame, std::uint64_t max_bytes);

  Result<std::uint64_t> number();
  Result<std::uint64_t> number_up_to(std::uint64_t most);
  Result<std::string> text(std::uint64_t max_bytes = kMaxTextBytes);
  Result<std::vector<ValueInfo>> value_infos();
  // The next part, which still lies in the block and may change there.
  Result<std::span<const std::byte>> part();
  // `copy`: with bytes of its own; else it lies in the block. Strings are always copied.
  Result<NamedTensor> tensor(bool copy);

 private:
  PacketReader(std::string meta, std::span<const std::byte> parts) : meta_(std::move(meta)), parts_(parts) {}

  std::string meta_;
  std::size_t at_ = 0;
  std::span<const std::byte> parts_;
};

Status send_frame(const os::MessageSocket& socket, const Frame& frame);
// kUnavailable when the other side is gone, kTimeout, kCorrupt for what is no frame.
Result<Frame> receive_frame(const os::MessageSocket& socket, int timeout_ms);

// An error as a packet, and back. What is no error of ours comes back as kBug.
Packet error_packet(const Error& error);
Error read_error(PacketReader& reader);

}  // namespace arete::engine
