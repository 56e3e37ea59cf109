// listen_tcp, listen_unix: opens the places that a server listens at, with errors that say what to do.
//
// Private to this room: hands out file descriptors. Threads: any; they may block for a name that is looked up.
// Ownership: a Listener closes its descriptor, and removes the file of its Unix socket while it is still its own.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "os/http_server/http_server.h"

namespace arete::os {

class Listener {
 public:
  Listener() = default;
  Listener(int descriptor, std::string url) : descriptor_(descriptor), url_(std::move(url)) {}
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  // Also removes the file. What was copied of the descriptor listens on.
  void close();

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  const std::string& url() const { return url_; }
  std::uint16_t port() const { return port_; }
  bool is_unix() const { return !path_.empty(); }

 private:
  friend Result<Listener> listen_tcp(const HttpServerOptions& options);
  friend Result<Listener> listen_unix(const HttpServerOptions& options);

  int descriptor_ = -1;
  std::string url_;
  std::uint16_t port_ = 0;
  std::string path_;  // of a Unix socket
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

// kConflict, kInvalid, kNotFound, kIo as HttpServer::start says.
Result<Listener> listen_tcp(const HttpServerOptions& options);
Result<Listener> listen_unix(const HttpServerOptions& options);

}  // namespace arete::os
