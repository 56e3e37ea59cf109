// openapi: a table of routes as an OpenAPI document, so that what is written down is what is served.
//
// Threads: pure. Spec: OpenAPI 3.1.0. Not for: what a row does not say (examples, several media types).
#pragma once

#include <span>
#include <string>

#include "core/json.h"
#include "os/http_server/route.h"

namespace arete::os {

struct OpenApiInfo {
  std::string title;
  std::string version;  // of the interface
  std::string description = "";
};

// Paths with their parameters, bodies, scopes and the one shape of errors. Rows without a scope are open to all; the
// others name the API key or the certificate that opens them.
Json openapi(std::span<const Route> routes, const OpenApiInfo& info);

}  // namespace arete::os
