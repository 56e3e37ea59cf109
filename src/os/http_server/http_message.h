// HttpRequest and HttpResponse: one HTTP exchange as plain values, so that a handler is a function
// of values and is tested without a socket.
//
// Not for: parsing bytes off a connection (http_server.h). Bodies are whole, not streams.
// Threads: values. Spec: RFC 9110 (semantics), RFC 3986 section 2.1 (percent encoding).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::os {

// Header fields in the order of arrival; names compare without regard to ASCII case.
class HttpHeaders {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value);
  void remove(std::string_view name);  // all of that name
  // The first field of that name, or "" when there is none.
  std::string_view get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

struct HttpRequest {
  std::string method;                                      // "POST", upper case as sent
  std::string target;                                      // as sent: "/a%20b?x=1"
  std::string path;                                        // percent-decoded: "/a b"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  HttpHeaders headers;
  std::string body;
  // The values of the route's "{name}" segments, decoded: a '/' or ".." in them came as %2F or %2E, so none is a path.
  std::vector<std::pair<std::string, std::string>> params;
  std::string peer;    // "127.0.0.1", "::1"; "unix" for a Unix socket
  std::string client;  // who was authenticated: the name of an API key or of a certificate; "": nobody
  std::string id;      // the client's X-Request-Id where it is a good one, else the server's own

  // The value of a "{name}" segment, or "" when the route has none of that name.
  std::string_view param(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers;  // further ones; length, type and connection are the server's
};

inline constexpr std::size_t kMaxTargetBytes = 8192;
inline constexpr std::size_t kMaxQueryFields = 256;
inline constexpr std::size_t kMaxRequestIdBytes = 128;

// Splits and decodes a request target (origin form, or absolute form whose host is dropped) into
// path and query. kInvalid for bad escapes, NUL bytes and anything that is no path.
Status parse_target(std::string_view target, HttpRequest& into);

// The path of a target with its escapes: "http://x/a%2Fb?c" -> "/a%2Fb". Borrows from `target`.
std::string_view encoded_path(std::string_view target);
// kInvalid for a '%' without two hex digits behind it and for NUL bytes; `plus_is_space` as HTML forms write queries.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// True for 1..kMaxRequestIdBytes bytes of [A-Za-z0-9._:-]: an id that may stand in any log.
bool is_request_id(std::string_view text);

// "image/PNG; q=1" -> "image/png"; "" stays "".
std::string media_type(std::string_view content_type);

// An answer in JSON.
HttpResponse json_response(const Json& json, int status = 200);
// {"error": message} with the given status.
HttpResponse error_response(int status, std::string_view message);
// The same with the status that core/error.h gives to the code; Retry-After where a retry helps.
HttpResponse error_response(const Error& error);

// "Not Found" for 404; "Unknown" for a status without a name here.
std::string_view reason_phrase(int status);

// True when a and b are equal without regard to ASCII case.
bool same_ignoring_case(std::string_view a, std::string_view b);

// The head of a response as bytes on the wire, with the empty line. Bytes that would break the
// framing (CR, LF, NUL) are dropped from header values; names with them are left out.
std::string render_head(const HttpResponse& response, bool keep_alive);
// The same behind what `out` holds, with an X-Request-Id unless `id` is empty.
void append_head(std::string& out, const HttpResponse& response, bool keep_alive, std::string_view id);

}  // namespace arete::os
