#include "os/http_server/rate_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace arete::os {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::int64_t kForgetEveryNs = 1000000000;  // looking at all buckets takes a moment
constexpr std::size_t kNetworkBytes = 8;             // a /64

}  // namespace

RateLimiter::RateLimiter(const RateLimit& limit)
    : per_second_(limit.per_second),
      burst_(std::max(1.0, limit.burst > 0 ? limit.burst : limit.per_second)),
      others_{.tokens = burst_} {}

double RateLimiter::tokens_at(const Bucket& bucket, std::int64_t now_ns) const {
  const double passed = static_cast<double>(std::max<std::int64_t>(0, now_ns - bucket.at_ns)) / kNsPerSecond;
  return std::min(burst_, bucket.tokens + passed * per_second_);
}

std::int64_t RateLimiter::take(std::string_view client, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = find(client, now_ns);
  bucket.tokens = tokens_at(bucket, now_ns);
  bucket.at_ns = std::max(bucket.at_ns, now_ns);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return std::max<std::int64_t>(1, static_cast<std::int64_t>((1 - bucket.tokens) / per_second_ * kNsPerSecond));
}

RateLimiter::Bucket& RateLimiter::find(std::string_view client, std::int64_t now_ns) {
  if (const auto found = buckets_.find(client); found != buckets_.end()) return found->second;
  if (buckets_.size() >= kMaxRateClients) forget_idle(now_ns);
  if (buckets_.size() >= kMaxRateClients) return others_;
  return buckets_.emplace(client, Bucket{burst_, now_ns}).first->second;
}

// A full bucket says nothing that a new one does not.
void RateLimiter::forget_idle(std::int64_t now_ns) {
  if (now_ns - forgot_ns_ < kForgetEveryNs) return;
  forgot_ns_ = now_ns;
  std::erase_if(buckets_, [&](const auto& entry) { return tokens_at(entry.second, now_ns) >= burst_; });
}

std::string rate_client(std::string_view peer) {
  const std::string text(peer.substr(0, peer.find('%')));
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return std::string(peer);
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), static_cast<unsigned char>(0));
  std::array<char, INET6_ADDRSTRLEN> network{};
  if (::inet_ntop(AF_INET6, bytes.data(), network.data(), network.size()) == nullptr) return std::string(peer);
  return std::string(network.data()) + "/64";
}

}  // namespace arete::os
