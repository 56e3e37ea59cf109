// RequestParser: bytes of a connection -> HttpRequest, one request after another. No sockets.
//
// Strict where leniency lets two programs read one stream differently (RFC 9112, sections 2.2, 5.1, 6.1, 11.2): bare
// LF, folded lines, a second Content-Length or Host, Transfer-Encoding beside Content-Length, codings other than
// chunked. Threads: one at a time. Ownership: holds the body until it is taken. Limits: below, and HttpServerOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "os/http_server/http_message.h"
#include "os/http_server/route.h"

namespace arete::os {

inline constexpr std::size_t kMaxHeaderFields = 128;
inline constexpr std::size_t kMaxChunkExtensionBytes = 256;

class RequestParser {
 public:
  enum class State : std::uint8_t { kMore, kDone, kFailed };

  explicit RequestParser(std::size_t max_header_bytes);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;

  // Forgets the request before, and fills `into` from now on, which must outlive the parsing.
  void start(HttpRequest& into);

  // Takes bytes off the front up to the end of the head, then of the message.
  State take_head(std::string_view& bytes);
  State take_body(std::string_view& bytes);
  HttpResponse refusal() const;  // after kFailed

  // What holds once the head is whole.
  bool is_whole() const;    // the message too
  bool keep_alive() const;  // what the client asks
  bool wants_continue() const;
  // The body's length as announced, or as far as it came when that is more.
  std::uint64_t body_bytes() const;
  // The rules of the framing that the grammar does not say.
  std::optional<HttpResponse> check_framing() const;
  // The answer that goes out before the body is read: it is too large for the route, or an expectation is unknown.
  std::optional<HttpResponse> check_body(const Route& route) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The last target that led to a row on a connection: clients ask for the same one again and again, and finding its row
// takes longer than all else that a small request needs.
struct LastTarget {
  std::string method;
  std::string target;
  std::string path;
  std::vector<std::pair<std::string, std::string>> params;
  const Route* route = nullptr;
};

// Who answers a request whose head is whole: framing, target (into path, query and params), route.
RouteMatch check_head(const RequestParser& parser, HttpRequest& request, std::span<const Route> routes,
                      LastTarget& last);

}  // namespace arete::os
