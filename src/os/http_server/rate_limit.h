// RateLimiter: how many requests a second each client may make, by token buckets.
//
// Threads: any. Limits: kMaxRateClients clients are told apart; those beyond share one bucket, so that inventing
// addresses gains nothing. Addresses of one IPv6 /64 count as one client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace arete::os {

inline constexpr std::size_t kMaxRateClients = 8192;

struct RateLimit {
  double per_second = 0;  // of each client, on average; 0: no limit
  double burst = 0;       // at once after a pause; at least 1, 0: a second's worth
};

class RateLimiter {
 public:
  explicit RateLimiter(const RateLimit& limit);

  bool is_on() const { return per_second_ > 0; }
  // 0: the request may go on, and counts. Else nanoseconds until one may. `now_ns` is monotonic.
  std::int64_t take(std::string_view client, std::int64_t now_ns);

 private:
  struct Bucket {
    double tokens = 0;
    std::int64_t at_ns = 0;  // when they were that many
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  double tokens_at(const Bucket& bucket, std::int64_t now_ns) const;
  Bucket& find(std::string_view client, std::int64_t now_ns);
  void forget_idle(std::int64_t now_ns);

  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket, Hash, std::equal_to<>> buckets_;
  Bucket others_;
  std::int64_t forgot_ns_ = 0;
};

// What a peer's address counts as: itself, or the /64 of an IPv6 address.
std::string rate_client(std::string_view peer);

}  // namespace arete::os
