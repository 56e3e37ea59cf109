// HttpServer: answers HTTP/1.1 requests from a table of routes.
//
// A few I/O threads own the connections and never block; handlers run on a separate pool with a
// bounded queue (503 with Retry-After when it is full), or answer later through a Responder. A client that sends or
// reads slowly holds some memory for a bounded time and no thread. One request at a time per connection, so pipelined
// requests are answered in order.
// Who may call what is access.h's, TLS tls.h's.
// Not for: WebSocket, HTTP/2, streamed bodies (they come with the issues that need them).
// Threads: start, stop and the destructor from one thread. Ownership: owns its routes.
// Spec: RFC 9110, RFC 9112. Limits: HttpServerOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "os/http_server/api_keys.h"
#include "os/http_server/http_message.h"
#include "os/http_server/rate_limit.h"
#include "os/http_server/route.h"
#include "os/http_server/tls.h"

namespace arete::os {

inline constexpr std::size_t kMaxLoggedTargetBytes = 256;

// One request and its answer, for the access log and for counters. Views are borrowed for the call.
struct Exchange {
  std::string_view id = "";
  std::string_view method = "";  // "" where no request could be read
  std::string_view route = "";   // the row's pattern; "" where none matched
  std::string_view target = "";  // at most kMaxLoggedTargetBytes
  int status = 0;                // of the answer, also where the client left before its end
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::int64_t duration_ns = 0;  // from the request's first byte to the last byte of the answer
  std::string_view peer = "";
  std::string_view client = "";
};

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
  bool listen_tcp = true;  // false: at unix_path alone; host and port say nothing then
  // A Unix socket to listen at as well; "": none. The file that a dead server left is replaced; it is removed on stop.
  std::string unix_path = "";
  unsigned unix_mode = 0600;                     // who may connect, as the file's permissions
  std::optional<TlsOptions> tls = std::nullopt;  // over TCP; a Unix socket speaks plain HTTP
  int handshake_timeout_ms = 10000;              // from the connection to the end of TLS's handshake
  ApiKeys api_keys = {};                         // none: see access.h
  RateLimit rate_limit = {};                     // of rows with Scope::kPredict, by client; 429 above
  // Called on the I/O thread after each answer, refusals too; must take microseconds and not throw.
  std::function<void(const Exchange&)> on_exchange = nullptr;
};

class HttpServer {
 public:
  // Listens and answers from now on. kConflict: the port is taken (says by whom), or a live server listens at
  // unix_path; kInvalid: the address is none of this machine's, the path is no place for a socket, nowhere to listen;
  // kNotFound: an unknown host name; kIo: anything else.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, std::vector<Route> routes);
  virtual ~HttpServer() = default;  // as stop(0)

  virtual std::uint16_t port() const = 0;  // 0 without TCP
  virtual std::string url() const = 0;     // "http://127.0.0.1:5001"; "unix:PATH" without TCP

  // New connections get the new certificate; those that are open keep theirs. Only for a server that speaks TLS
  // (kInvalid else); the old certificate stays where the new one is not usable. Any thread.
  virtual Status reload_tls(const TlsOptions& options) = 0;

  // Takes no new connections, finishes the requests in flight for at most grace_ms, closes the
  // rest. Blocks; waits also for handlers that are running, but not for responders that were handed on: what they
  // answer later, even when the server is gone, is dropped. Later calls do nothing.
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
