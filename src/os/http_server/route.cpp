#include "os/http_server/route.h"

#include <exception>
#include <new>

#include "core/json.h"

namespace arete::os {
namespace {

// "GET, HEAD, POST" for a path; "" when no row has the path.
std::string allowed_methods(std::span<const Route> routes, std::string_view path) {
  std::string allow;
  for (const Route& route : routes) {
    if (route.path != path) continue;
    allow += (allow.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  return allow;
}

HttpResponse unknown_path(std::span<const Route> routes, std::string_view path) {
  Json known = Json::array();
  for (const Route& route : routes) known.push_back(route.method + " " + route.path);
  HttpResponse response;
  response.status = 404;
  response.body =
      Json::object({{"error", "there is nothing at " + std::string(path)}, {"paths", std::move(known)}}).dump();
  return response;
}

HttpResponse wrong_method(std::string_view method, std::string_view path, std::string allow) {
  HttpResponse response;
  if (method == "OPTIONS") {
    response.status = 204;
    response.content_type.clear();
  } else {
    response = error_response(405, std::string(path) + " takes " + allow + ", not " + std::string(method));
  }
  response.headers.add("Allow", std::move(allow));
  return response;
}

}  // namespace

RouteMatch match_route(std::span<const Route> routes, std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : routes) {
    if (route.path == path && route.method == wanted) return {&route, {}};
  }
  std::string allow = allowed_methods(routes, path);
  if (allow.empty()) return {nullptr, unknown_path(routes, path)};
  return {nullptr, wrong_method(method, path, std::move(allow))};
}

HttpResponse run_handler(const Route& route, const HttpRequest& request) {
  try {
    return route.handler(request);
  } catch (const std::bad_alloc&) {
    return error_response(Error{Code::kUnavailable, "not enough memory for this request now"});
  } catch (const std::exception& failure) {
    return error_response(Error{Code::kBug, "the handler of " + route.path + " failed: " + failure.what()});
  }
}

HttpResponse answer(std::span<const Route> routes, const HttpRequest& request) {
  const RouteMatch match = match_route(routes, request.method, request.path);
  if (match.route == nullptr) return match.refusal;
  if (request.body.size() > match.route->body_limit_bytes) return too_large(*match.route);
  return run_handler(*match.route, request);
}

HttpResponse too_large(const Route& route) {
  return error_response(413, "the body of " + route.method + " " + route.path + " is over the limit of " +
                                 std::to_string(route.body_limit_bytes) + " bytes");
}

}  // namespace arete::os
