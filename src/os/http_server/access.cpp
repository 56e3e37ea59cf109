#include "os/http_server/access.h"

namespace arete::os {
namespace {

HttpResponse unauthorized(std::string_view why) {
  HttpResponse response = error_response(401, why);
  response.headers.add("WWW-Authenticate", "Bearer realm=\"arete\"");
  return response;
}

std::string_view name_of(Scope scope) { return scope == Scope::kAdmin ? "admin" : "predict"; }

// "localhost:5001" -> "localhost", "[::1]:5001" -> "[::1]".
std::string_view without_port(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
  return has_port ? host.substr(0, colon) : host;
}

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

// A literal address or the one name that no resolver is asked about: what a rebound name cannot pretend to be.
bool names_this_machine(std::string_view host) {
  const std::string_view name = without_port(host);
  const bool numeric = name.find_first_not_of("0123456789.") == std::string_view::npos;
  return same_ignoring_case(name, "localhost") || name == "[::1]" || (numeric && name.starts_with("127."));
}

// A page of another site asked: browsers say so, other programs send neither field.
bool is_cross_site(const HttpRequest& request) {
  const std::string_view site = request.headers.get("Sec-Fetch-Site");
  if (site == "cross-site" || site == "same-site") return true;
  if (request.headers.count("Origin") == 0) return false;
  const std::string_view origin = request.headers.get("Origin");
  const std::size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ||
         !same_ignoring_case(origin.substr(scheme + 3), request.headers.get("Host"));
}

std::optional<HttpResponse> refuse_cross_site(const HttpRequest& request) {
  if (!is_cross_site(request)) return std::nullopt;
  return error_response(403, "a page of another site may not administer this server");
}

std::optional<HttpResponse> check_local(const Caller& caller, const HttpRequest& request) {
  if (caller.peer == kUnixPeer) return std::nullopt;
  if (!is_loopback(caller.peer)) {
    return error_response(403,
                          "without API keys this server is administered from its own machine alone: give it keys, or "
                          "call from there (127.0.0.1, or its Unix socket)");
  }
  const std::string_view host = request.headers.get("Host");
  if (!host.empty() && !names_this_machine(host)) {
    return error_response(403, "the Host of an administering request must be localhost, 127.0.0.1 or [::1]");
  }
  return std::nullopt;
}

}  // namespace

std::optional<HttpResponse> check_access(const AccessRules& rules, Scope scope, const Caller& caller,
                                         HttpRequest& request) {
  const std::string_view presented = rules.keys.empty() ? std::string_view() : presented_key(request);
  const ApiKey* key = rules.keys.find(presented);
  request.client = key != nullptr ? key->name : std::string(caller.certificate_name);
  if (scope == Scope::kPublic) return std::nullopt;
  if (!presented.empty() && key == nullptr) return unauthorized("this API key is not known");
  // A browser sends certificates and cookies along for any page, but never our keys.
  if (scope == Scope::kAdmin && key == nullptr) {
    if (std::optional<HttpResponse> refusal = refuse_cross_site(request)) return refusal;
  }
  const bool by_file = rules.certificates && caller.peer == kUnixPeer;  // the socket's permissions stand for it
  if (rules.keys.empty() && (!rules.certificates || by_file)) {
    return scope == Scope::kAdmin ? check_local(caller, request) : std::nullopt;
  }
  const bool by_certificate = !caller.certificate_name.empty() && rules.certificate_scopes.contain(scope);
  if (by_certificate || (key != nullptr && key->scopes.contain(scope))) return std::nullopt;
  const std::string need = "the scope '" + std::string(name_of(scope)) + "'";
  if (!request.client.empty()) return error_response(403, "'" + request.client + "' does not have " + need);
  return unauthorized("this needs an API key with " + need + ", as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'");
}

}  // namespace arete::os
