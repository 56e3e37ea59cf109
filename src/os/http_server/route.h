// Route: one row of a server's table: what may be asked, by whom, how large, and who answers.
//
// serve, hub and agent each hold one table of rows; the server applies limits from it, and the
// list of a 404, the Allow of a 405 and (later) the OpenAPI page are rendered from it.
// Not for: sockets. answer() below is the whole server as a pure function, for tests.
// Threads: a table is immutable once the server runs; handlers are called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/http_server/http_message.h"

namespace arete::os {

// Who may call a route. Nothing checks it yet: keys and certificates come with the server's safety.
enum class Scope : std::uint8_t { kPublic, kPredict, kAdmin };

// Where a handler runs: kWorker may block and compute; kInline runs on the I/O thread, must take
// microseconds, and is answered also while all workers are busy (health, pages).
enum class RunsOn : std::uint8_t { kWorker, kInline };

// Must not throw; what it throws becomes a 500. The request is borrowed for the call.
using Handler = std::function<HttpResponse(const HttpRequest& request)>;

struct Route {
  std::string method;  // "GET" (answers HEAD too), "POST", ...
  std::string path;    // exact, decoded: "/predict"
  Scope scope = Scope::kPublic;
  std::string summary = "";  // one sentence for people
  std::size_t body_limit_bytes = 0;
  RunsOn runs_on = RunsOn::kWorker;
  Handler handler = nullptr;
};

// The row for a request, or why there is none: 404 with the known paths, 405 with Allow, and the
// 204 with Allow that OPTIONS gets. Borrows from `routes`.
struct RouteMatch {
  const Route* route = nullptr;
  HttpResponse refusal;
};
RouteMatch match_route(std::span<const Route> routes, std::string_view method, std::string_view path);

// Runs the handler; an exception (no memory, a bug) becomes a 500 or 503 with its text.
HttpResponse run_handler(const Route& route, const HttpRequest& request);

// Matches, checks the body limit and runs the handler: what the server does, without a server.
HttpResponse answer(std::span<const Route> routes, const HttpRequest& request);

// The 413 for a body that is larger than the route takes.
HttpResponse too_large(const Route& route);

}  // namespace arete::os
