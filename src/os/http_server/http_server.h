// HttpServer: answers HTTP/1.1 requests from a table of routes.
//
// A few I/O threads own the connections and never block; handlers run on a separate pool with a
// bounded queue (503 with Retry-After when it is full). A client that sends or reads slowly holds
// some memory for a bounded time and no thread. One request at a time per connection, so pipelined
// requests are answered in order.
// Not for: TLS, WebSocket, HTTP/2, streamed bodies (they come with the issues that need them).
// Threads: start, stop and the destructor from one thread. Ownership: owns its routes.
// Spec: RFC 9110, RFC 9112. Limits: HttpServerOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/http_server/http_message.h"
#include "os/http_server/route.h"

namespace arete::os {

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address or a name; "::1" and "[::1]" are the same
  std::uint16_t port = 0;          // 0: any free one, see HttpServer::port()
  int io_threads = 1;
  int handler_threads = 2;
  std::size_t max_connections = 512;      // one more gets a 503 and is closed
  std::size_t max_queued_requests = 256;  // that wait for a handler thread
  std::size_t max_header_bytes = 16384;   // 431 above
  // Request bodies of all connections together; 503 above. Keeps slow uploads from eating memory.
  std::size_t max_buffered_bytes = std::size_t{256} << 20;
  int idle_timeout_ms = 60000;  // between two requests of a connection
  // For a request from its first byte to its last, and again for its answer; each gets another
  // second for every min_bytes_per_second bytes of body.
  int request_timeout_ms = 30000;
  int min_bytes_per_second = 16384;
};

class HttpServer {
 public:
  // Listens and answers from now on. kConflict: the port is taken (says by whom); kInvalid: the
  // address is none of this machine's; kNotFound: an unknown host name; kIo: anything else.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, std::vector<Route> routes);
  virtual ~HttpServer() = default;  // as stop(0)

  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // "http://127.0.0.1:5001"

  // Takes no new connections, finishes the requests in flight for at most grace_ms, closes the
  // rest. Blocks; waits also for handlers that are running. Later calls do nothing.
  virtual void stop(int grace_ms) = 0;
};

// What the first bytes of a connection become: a whole request with its row, or the answer that
// the server refuses them with, or neither when more bytes are needed.
struct ParsedBytes {
  const Route* route = nullptr;  // borrows from `routes`
  HttpRequest request;
  std::optional<HttpResponse> refusal;
};

// The server's own parser and limits over bytes in memory, for tests and fuzzing.
ParsedBytes parse_http_bytes(std::string_view bytes, const HttpServerOptions& options, std::span<const Route> routes);

}  // namespace arete::os
