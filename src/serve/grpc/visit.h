// Visit: one call from its arrival to its end: who asks, whether they may, what is written down of it.
//
// Private to this room. Threads: one at a time. Ownership: borrows the rules, which outlive every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <grpcpp/generic/async_generic_service.h>

#include "os/base/machine.h"
#include "os/http_server/access.h"
#include "os/http_server/http_server.h"
#include "os/http_server/rate_limit.h"
#include "serve/grpc/outcome.h"

namespace arete::serve {

// What all calls of a door are judged by.
struct VisitRules {
  VisitRules(os::AccessRules given, const os::RateLimit& rate, const os::Clock& its_clock,
             std::function<void(const os::Exchange&)> told)
      : access(std::move(given)), limiter(rate), clock(its_clock), on_exchange(std::move(told)) {}

  os::AccessRules access;
  os::RateLimiter limiter;
  const os::Clock& clock;
  std::function<void(const os::Exchange&)> on_exchange;
};

class Visit {
 public:
  // `route` is a text that stays: "/inference.GRPCInferenceService/ModelInfer", "" for one that is not there.
  Visit(VisitRules& rules, const grpc::GenericCallbackServerContext& context, const char* route, os::Scope scope);

  // Why the call is refused, or nothing.
  const std::optional<Outcome>& refusal() const { return refusal_; }
  // Counts one more message of a stream; why it is refused, or nothing.
  std::optional<Outcome> admit();
  // Once, when it is known how the call ends.
  void end(const Outcome& outcome, std::size_t bytes_in, std::size_t bytes_out) const;

 private:
  VisitRules& rules_;
  const char* const route_;
  const std::string target_;
  const std::int64_t begin_ns_;
  const std::string peer_;
  std::string client_;
  std::string id_;
  std::optional<Outcome> refusal_;
};

// "ipv4:127.0.0.1:5001" -> "127.0.0.1", "ipv6:%5B::1%5D:5001" -> "::1", as HttpRequest::peer; "" for anything else.
std::string address_of(std::string_view peer);

}  // namespace arete::serve
