#include "os/http_server/route.h"

#include <exception>
#include <future>
#include <new>

namespace arete::os {
namespace {

// What is left of a path, taken apart at '/'; the path itself begins with one.
class Segments {
 public:
  explicit Segments(std::string_view path) : rest_(path) {}
  bool next() {
    if (rest_.empty()) return false;
    rest_.remove_prefix(1);
    current_ = rest_.substr(0, rest_.find('/'));
    rest_.remove_prefix(current_.size());
    return true;
  }
  std::string_view current() const { return current_; }

 private:
  std::string_view rest_;
  std::string_view current_;
};

bool is_braced(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

bool is_pattern(std::string_view path) { return path.find('{') != std::string_view::npos; }

bool decodes_to(std::string_view segment, std::string_view literal) {
  if (segment == literal) return true;
  if (segment.find('%') == std::string_view::npos) return false;
  const Result<std::string> decoded = percent_decode(segment);
  return decoded && *decoded == literal;
}

// `path` is still encoded.
bool matches_pattern(std::string_view pattern, std::string_view path) {
  const std::size_t brace = pattern.find('{');
  // Most rows are told apart by what stands before the first brace, and by their last segment.
  const std::string_view last = pattern.substr(pattern.rfind('/'));
  const bool may_match =
      path.substr(0, brace) == pattern.substr(0, brace) && (last.ends_with('}') || path.ends_with(last));
  if (!may_match && path.find('%') == std::string_view::npos) return false;
  Segments wanted(pattern);
  Segments given(path);
  while (wanted.next()) {
    if (!given.next()) return false;
    const bool same =
        is_braced(wanted.current()) ? !given.current().empty() : decodes_to(given.current(), wanted.current());
    if (!same) return false;
  }
  return !given.next();
}

// How two patterns for one path compare: positive when `a` has a literal segment where `b` has the first other braced
// one.
int compare_literal(std::string_view a, std::string_view b) {
  Segments left(a);
  Segments right(b);
  while (left.next() && right.next()) {
    const int difference = static_cast<int>(is_braced(right.current())) - static_cast<int>(is_braced(left.current()));
    if (difference != 0) return difference;
  }
  return 0;
}

// As it is compared with patterns. A request that was made without a target is compared by its path.
std::string_view path_to_match(const HttpRequest& request) {
  return request.target.empty() ? std::string_view(request.path) : encoded_path(request.target);
}

// Rows whose path is `path` itself, or else the patterns that match it best.
class RowsOfPath {
 public:
  RowsOfPath(std::span<const Route> routes, const HttpRequest& request) : path_(request.path) {
    for (const Route& route : routes) {
      if (route.path != path_) continue;
      best_ = path_;
      return;
    }
    encoded_ = path_to_match(request);
    for (const Route& route : routes) {
      if (!is_pattern(route.path) || !matches_pattern(route.path, encoded_)) continue;
      if (best_.empty() || compare_literal(route.path, best_) > 0) best_ = route.path;
    }
  }
  bool contain(const Route& route) const {
    if (route.path == best_) return !best_.empty();
    return !encoded_.empty() && !best_.empty() && is_pattern(route.path) && compare_literal(route.path, best_) == 0 &&
           matches_pattern(route.path, encoded_);
  }

 private:
  std::string_view path_;
  std::string_view encoded_;  // empty: the path is a row's own
  std::string_view best_;     // empty: no row
};

// "GET, HEAD, POST" for a path; "" when no row has the path.
std::string allowed_methods(std::span<const Route> routes, const RowsOfPath& rows) {
  std::string allow;
  for (const Route& route : routes) {
    if (!rows.contain(route)) continue;
    allow += (allow.empty() ? "" : ", ") + route.method;
    if (route.method == "GET") allow += ", HEAD";
  }
  return allow;
}

HttpResponse unknown_path(std::span<const Route> routes, std::string_view path) {
  Json known = Json::array();
  for (const Route& route : routes) known.push_back(route.method + " " + route.path);
  return json_response(
      Json::object({{"error", "there is nothing at " + std::string(path)}, {"paths", std::move(known)}}), 404);
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

HttpResponse failed(const Route& route, const std::exception& failure) {
  return error_response(Error{Code::kBug, "the handler of " + route.path + " failed: " + failure.what()});
}

HttpResponse wait_for_answer(const Route& route, HttpRequest request) {
  std::promise<HttpResponse> answered;
  std::future<HttpResponse> answer = answered.get_future();
  run_async(route, std::move(request),
            Responder([&answered](HttpResponse response) { answered.set_value(std::move(response)); }));
  return answer.get();
}

}  // namespace

RouteMatch match_route(std::span<const Route> routes, const HttpRequest& request) {
  const std::string_view wanted = request.method == "HEAD" ? std::string_view("GET") : request.method;
  const RowsOfPath rows(routes, request);
  for (const Route& route : routes) {
    if (route.method == wanted && rows.contain(route)) return {&route, std::nullopt};
  }
  std::string allow = allowed_methods(routes, rows);
  if (allow.empty()) return {nullptr, unknown_path(routes, request.path)};
  return {nullptr, wrong_method(request.method, request.path, std::move(allow))};
}

std::vector<std::pair<std::string, std::string>> path_params(const Route& route, const HttpRequest& request) {
  std::vector<std::pair<std::string, std::string>> params;
  if (!is_pattern(route.path)) return params;
  Segments wanted(route.path);
  Segments given(path_to_match(request));
  while (wanted.next() && given.next()) {
    if (!is_braced(wanted.current())) continue;
    const std::string_view name = wanted.current().substr(1, wanted.current().size() - 2);
    Result<std::string> value = request.target.empty() ? std::string(given.current()) : percent_decode(given.current());
    if (value) params.emplace_back(name, std::move(*value));
  }
  return params;
}

HttpResponse run_handler(const Route& route, const HttpRequest& request) {
  try {
    return route.handler(request);
  } catch (const std::bad_alloc&) {
    return error_response(Error{Code::kUnavailable, "not enough memory for this request now"});
  } catch (const std::exception& failure) {
    return failed(route, failure);
  }
}

void run_async(const Route& route, HttpRequest request, Responder respond) {
  try {
    route.async(std::move(request), std::move(respond));
  } catch (const std::exception&) {
    // The responder went with the call and says that there is no answer.
    return;
  }
}

HttpResponse answer(std::span<const Route> routes, HttpRequest request) {
  const RouteMatch match = match_route(routes, request);
  if (match.refusal) return *match.refusal;
  if (request.body.size() > match.route->body_limit_bytes) return too_large(*match.route);
  request.params = path_params(*match.route, request);
  if (match.route->async) return wait_for_answer(*match.route, std::move(request));
  return run_handler(*match.route, request);
}

HttpResponse too_large(const Route& route) {
  return error_response(413, "the body of " + route.method + " " + route.path + " is over the limit of " +
                                 std::to_string(route.body_limit_bytes) + " bytes");
}

}  // namespace arete::os
