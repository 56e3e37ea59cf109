// RawClient: a blocking client, over TCP or a Unix socket, that sends any bytes, for tests of the server. Threads: one.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace arete::test {

// One parsed answer.
struct Answer {
  int status = 0;
  std::string head;
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    limit_time();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  explicit RawClient(const std::string& unix_path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    limit_time();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    unix_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }

  // Reads one answer; status 0 when the connection ended before.
  Answer receive(bool has_body = true) {
    Answer answer;
    while (pending_.find("\r\n\r\n") == std::string::npos) {
      if (!fill()) return answer;
    }
    const std::size_t end = pending_.find("\r\n\r\n") + 4;
    answer.head = pending_.substr(0, end);
    pending_.erase(0, end);
    const std::size_t length = answer.head.find("Content-Length: ");
    std::size_t want = length == std::string::npos ? 0 : std::strtoul(answer.head.c_str() + length + 16, nullptr, 10);
    if (!has_body) want = 0;
    while (pending_.size() < want) {
      if (!fill()) return answer;
    }
    answer.body = pending_.substr(0, want);
    pending_.erase(0, want);
    answer.status = std::atoi(answer.head.c_str() + 9);
    return answer;
  }

  // True when the server closes and nothing more comes.
  bool closed() { return pending_.empty() && !fill(); }

 private:
  void limit_time() const {
    const timeval limit{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }

  bool fill() {
    std::array<char, 65536> bytes{};
    const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    pending_.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string pending_;
};

}  // namespace arete::test
