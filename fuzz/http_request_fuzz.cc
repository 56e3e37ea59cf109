// Bytes of a hostile client: the server's own parser and limits, route match, target and multipart.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "os/http_server/http_server.h"
#include "os/http_server/multipart.h"

namespace {

using namespace arete;

const std::vector<os::Route>& routes() {
  static const std::vector<os::Route> table = {
      {.method = "GET", .path = "/"},
      {.method = "GET", .path = "/healthz"},
      {.method = "POST", .path = "/predict", .body_limit_bytes = 65536},
      {.method = "POST", .path = "/v2/models/{model}/versions/{version}/infer", .body_limit_bytes = 65536},
      {.method = "POST", .path = "/v2/models/{model}/infer", .body_limit_bytes = 65536},
      {.method = "POST", .path = "/v2/models/special/infer", .body_limit_bytes = 65536},
  };
  return table;
}

// Every view must lie in the body that it was cut from.
void check_parts(std::string_view body, std::string_view content_type) {
  const auto parts = os::parse_multipart(body, content_type);
  if (!parts) {
    CHECK(!parts.error().message.empty());
    return;
  }
  CHECK(parts->size() <= os::kMaxParts);
  for (const os::Part& part : *parts) {
    CHECK(part.body.empty() ||
          (part.body.data() >= body.data() && part.body.data() + part.body.size() <= body.data() + body.size()));
  }
}

// A pattern's parameters are what its segments decode to: never empty, one for each brace.
void check_match(const os::Route& route, const os::HttpRequest& request) {
  const auto braces = static_cast<std::size_t>(std::ranges::count(route.path, '{'));
  CHECK(request.params.size() == braces);
  CHECK(braces > 0 || request.path == route.path);
  for (const auto& [name, value] : request.params) CHECK(!value.empty() && value == request.param(name));
}

void check_answer(const os::HttpResponse& response) {
  CHECK(response.status >= 200 && response.status < 600);
  const std::string head = os::render_head(response, true);
  CHECK(head.find("\r\n\r\n") == head.size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const os::ParsedBytes parsed = os::parse_http_bytes(bytes, {}, routes());
  CHECK(parsed.route == nullptr || !parsed.refusal.has_value());
  if (parsed.refusal) check_answer(*parsed.refusal);
  if (parsed.route != nullptr) {
    CHECK(parsed.request.body.size() <= parsed.route->body_limit_bytes);
    check_match(*parsed.route, parsed.request);
    check_parts(parsed.request.body, parsed.request.headers.get("Content-Type"));
  }
  // The same bytes as a body alone, which gets the fuzzer behind the head at once.
  check_parts(bytes, "multipart/form-data; boundary=B");
  check_parts("", bytes);
  return 0;
}
