#include "os/base/message_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace arete::os {
namespace {

Error gone() { return {Code::kUnavailable, "the other process is gone"}; }

Error failed(const std::string& what) { return {Code::kIo, what + ": " + std::strerror(errno)}; }

// True when a message or the end may be read; false when the time is over.
Result<bool> wait_readable(int socket, int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (int left_ms = timeout_ms;;) {
    pollfd waited{socket, POLLIN, 0};
    const int ready = ::poll(&waited, 1, left_ms);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return failed("cannot wait for a message");
    if (timeout_ms == kNoTimeout) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    left_ms = left > 0 ? static_cast<int>(left) : 0;
  }
}

}  // namespace

Result<std::pair<MessageSocket, MessageSocket>> MessageSocket::make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Error{Code::kExhausted, std::string("no pair of sockets: ") + std::strerror(errno)};
  }
  return std::pair(MessageSocket(Descriptor(ends[0])), MessageSocket(Descriptor(ends[1])));
}

Status MessageSocket::send(std::span<const std::byte> message) const {
  if (message.size() > kMaxMessageBytes) return Error{Code::kExhausted, "the message is too long"};
  for (;;) {
    if (::send(descriptor(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return {};
    if (errno == EPIPE || errno == ECONNRESET) return gone();
    if (errno != EINTR) return failed("cannot send a message");
  }
}

Result<std::size_t> MessageSocket::receive(std::span<std::byte> to, int timeout_ms) const {
  if (timeout_ms != kNoTimeout) {
    ASSIGN_OR_RETURN(const bool is_there, wait_readable(descriptor(), timeout_ms));
    if (!is_there) return Error{Code::kTimeout, "no message came in " + std::to_string(timeout_ms) + " ms"};
  }
  for (;;) {
    // MSG_TRUNC: the real length, also of what did not fit.
    const ssize_t got = ::recv(descriptor(), to.data(), to.size(), MSG_TRUNC);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return gone();
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot receive a message");
    if (static_cast<std::size_t>(got) > to.size()) return Error{Code::kCorrupt, "a message is longer than agreed"};
    return static_cast<std::size_t>(got);
  }
}

}  // namespace arete::os
