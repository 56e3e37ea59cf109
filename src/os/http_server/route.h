// Route: one row of a server's table: what may be asked, by whom, how large, and who answers.
//
// serve, hub and agent each hold one table of rows; the server applies limits from it, and the
// list of a 404, the Allow of a 405 and the OpenAPI page (openapi.h) are rendered from it.
// Not for: sockets. answer() below is the whole server as a pure function, for tests.
// Threads: a table is immutable once the server runs; handlers are called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "os/http_server/http_message.h"
#include "os/http_server/responder.h"

namespace arete::os {

// Who may call a route; access.h says what that asks of a request.
enum class Scope : std::uint8_t { kPublic, kPredict, kAdmin };

// What somebody may call; neither contains the other.
struct Scopes {
  bool predict = false;
  bool admin = false;

  bool contain(Scope scope) const { return scope == Scope::kPublic || (scope == Scope::kPredict ? predict : admin); }
};

// Where a handler runs: kWorker may block and compute; kInline runs on the I/O thread, must take
// microseconds, and is answered also while all workers are busy (health, pages).
enum class RunsOn : std::uint8_t { kWorker, kInline };

// Must not throw; what it throws becomes a 500. The request is borrowed for the call.
using Handler = std::function<HttpResponse(const HttpRequest& request)>;

// Called on the I/O thread, returns within microseconds; answers at once or later, from any thread.
using AsyncHandler = std::function<void(HttpRequest request, Responder respond)>;

struct Route {
  std::string method;  // "GET" (answers HEAD too), "POST", ...
  // Exact and decoded ("/predict"), or a pattern ("/models/{model}/infer"): a braced segment takes one segment that is
  // not empty, cut before it is decoded, and hands it on as HttpRequest::params. Literal segments win over braced ones.
  std::string path;
  Scope scope = Scope::kPublic;
  std::string summary = "";  // one sentence for people
  std::size_t body_limit_bytes = 0;
  RunsOn runs_on = RunsOn::kWorker;
  Handler handler = nullptr;
  AsyncHandler async = nullptr;  // in place of `handler`
  // For OpenAPI alone: the heading of the row, JSON schemas of bodies (null: not said).
  std::string tag = "";
  Json request_schema = nullptr;
  Json response_schema = nullptr;
};

// The row for a request, or why there is none: 404 with the known paths, 405 with Allow, and the
// 204 with Allow that OPTIONS gets. Borrows from `routes`. A request without a target is matched by its path.
struct RouteMatch {
  const Route* route = nullptr;
  std::optional<HttpResponse> refusal;
};
RouteMatch match_route(std::span<const Route> routes, const HttpRequest& request);

// The values of the route's braced segments in the request's target. The route must be that of match_route().
std::vector<std::pair<std::string, std::string>> path_params(const Route& route, const HttpRequest& request);

// Runs the handler of a row that is not async; an exception (no memory, a bug) becomes a 500 or 503 with its text.
HttpResponse run_handler(const Route& route, const HttpRequest& request);
// Hands the request to the row's async handler. What it throws becomes a 500, unless it has answered.
void run_async(const Route& route, HttpRequest request, Responder respond);

// Matches, checks the body limit and runs the handler: what the server does, without a server. Waits for the answer of
// an async row, for ever if it keeps its responder.
HttpResponse answer(std::span<const Route> routes, HttpRequest request);

// The 413 for a body that is larger than the route takes.
HttpResponse too_large(const Route& route);

}  // namespace arete::os
