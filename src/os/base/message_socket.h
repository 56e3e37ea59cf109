// MessageSocket: one end of a pair of connected sockets for small whole messages between two processes of one machine.
//
// Not for: large data (shared_block.h), other machines. Threads: one at a time a direction. Ownership: owns its socket.
// Limits: kMaxMessageBytes a message.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "core/result.h"
#include "os/base/descriptor.h"

namespace arete::os {

inline constexpr std::size_t kMaxMessageBytes = 4096;
inline constexpr int kNoTimeout = -1;

class MessageSocket {
 public:
  explicit MessageSocket(Descriptor socket) : socket_(std::move(socket)) {}
  // Two ends; what one sends the other receives. kExhausted without free descriptors.
  static Result<std::pair<MessageSocket, MessageSocket>> make_pair();

  // Blocks while the other side leaves messages lying. kUnavailable when it is gone.
  Status send(std::span<const std::byte> message) const;
  // Waits for a message and returns its bytes. kUnavailable when the other side is gone, kTimeout after `timeout_ms`
  // (kNoTimeout: never), kCorrupt when the message is longer than `to`.
  Result<std::size_t> receive(std::span<std::byte> to, int timeout_ms) const;

  int descriptor() const { return socket_.number(); }

 private:
  Descriptor socket_;
};

}  // namespace arete::os
