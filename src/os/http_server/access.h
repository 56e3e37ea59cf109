// check_access: who may call a route.
//
// With API keys or client certificates, rows that are not public need one that has their scope. Without either,
// predictions are for everybody who reaches the server, and administration for this machine alone: loopback and Unix
// sockets, and no page of another site in this machine's browser (CSRF, DNS rebinding).
// Not for: a proxy on this machine, whose clients all seem to be local: give such a server keys.
// Threads: pure.
#pragma once

#include <optional>
#include <string_view>

#include "os/http_server/api_keys.h"
#include "os/http_server/http_message.h"
#include "os/http_server/route.h"

namespace arete::os {

inline constexpr std::string_view kUnixPeer = "unix";  // HttpRequest::peer of a Unix socket

struct AccessRules {
  ApiKeys keys;
  bool certificates = false;  // who comes over TCP has shown one
  Scopes certificate_scopes;  // what their holders may call
};

// Who connected, before any request was read.
struct Caller {
  std::string_view peer;              // as HttpRequest says it
  std::string_view certificate_name;  // "" without one
};

// Notes in request.client who asks. Returns the 401 or 403 when that is not enough for the scope.
std::optional<HttpResponse> check_access(const AccessRules& rules, Scope scope, const Caller& caller,
                                         HttpRequest& request);

}  // namespace arete::os
