#include "serve/grpc/visit.h"

#include <array>
#include <utility>

#include <grpcpp/security/auth_context.h>

namespace arete::serve {
namespace {

constexpr std::string_view kMapped = "::ffff:";  // an IPv4 address as an IPv6 one
constexpr const char* kCommonName = "x509_common_name";

// What the rules of access look at, as gRPC names it.
constexpr std::array<const char*, 5> kHeaders = {"authorization", "x-api-key", "origin", "sec-fetch-site",
                                                 "x-request-id"};

os::HttpRequest headers_of(const grpc::GenericCallbackServerContext& context) {
  os::HttpRequest request;
  request.headers.add("host", context.host());
  for (const char* const name : kHeaders) {
    const auto [begin, end] = context.client_metadata().equal_range(name);
    for (auto at = begin; at != end; ++at) request.headers.add(name, std::string(at->second.data(), at->second.size()));
  }
  return request;
}

std::string certificate_name(const grpc::CallbackServerContext& context) {
  const std::shared_ptr<const grpc::AuthContext> shown = context.auth_context();
  if (shown == nullptr || !shown->IsPeerAuthenticated()) return "";
  const std::vector<grpc::string_ref> names = shown->FindPropertyValues(kCommonName);
  return names.empty() ? "" : std::string(names.front().data(), names.front().size());
}

}  // namespace

std::string address_of(std::string_view peer) {
  if (!peer.starts_with("ipv4:") && !peer.starts_with("ipv6:")) return "";
  peer.remove_prefix(peer.find(':') + 1);
  std::string address(peer.substr(0, peer.rfind(':')));
  for (const char* const bracket : {"%5B", "%5D", "[", "]"}) {
    const std::size_t at = address.find(bracket);
    if (at != std::string::npos) address.erase(at, std::string_view(bracket).size());
  }
  const bool mapped = address.starts_with(kMapped) && address.find('.') != std::string::npos;
  return mapped ? address.substr(kMapped.size()) : address;
}

Visit::Visit(VisitRules& rules, const grpc::GenericCallbackServerContext& context, const char* route, os::Scope scope)
    : rules_(rules),
      route_(route),
      target_(context.method().substr(0, os::kMaxLoggedTargetBytes)),
      begin_ns_(rules.clock.now_ns()),
      peer_(address_of(context.peer())) {
  os::HttpRequest request = headers_of(context);
  request.peer = peer_;
  const std::string_view id = request.headers.get("x-request-id");
  if (os::is_request_id(id)) id_ = id;
  const std::string certificate = certificate_name(context);
  const auto refused = os::check_access(rules.access, scope, {peer_, certificate}, request);
  client_ = request.client;
  if (refused) {
    refusal_ = outcome_of(*refused);
  } else if (scope == os::Scope::kPredict) {
    refusal_ = admit();
  }
}

std::optional<Outcome> Visit::admit() {
  if (!rules_.limiter.is_on()) return std::nullopt;
  const std::string client = client_.empty() ? os::rate_client(peer_) : client_;
  if (rules_.limiter.take(client, rules_.clock.now_ns()) == 0) return std::nullopt;
  return Outcome{grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests; try again later"), 429};
}

void Visit::end(const Outcome& outcome, std::size_t bytes_in, std::size_t bytes_out) const {
  if (!rules_.on_exchange) return;
  os::Exchange exchange;
  exchange.id = id_;
  exchange.method = "POST";  // as every call of gRPC over HTTP/2
  exchange.route = route_;
  exchange.target = target_;
  exchange.status = outcome.number;
  exchange.bytes_in = bytes_in;
  exchange.bytes_out = bytes_out;
  exchange.duration_ns = rules_.clock.now_ns() - begin_ns_;
  exchange.peer = peer_;
  exchange.client = client_;
  rules_.on_exchange(exchange);
}

}  // namespace arete::serve
