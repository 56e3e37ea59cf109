// Who may call what: keys, certificates, this machine alone, and how often.
#include "os/http_server/access.h"

#include "os/http_server/rate_limit.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

std::string key_file(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }

std::string entry(const std::string& name, const std::string& key, const std::string& scopes) {
  return R"({"name":")" + name + R"(","sha256":")" + sha256_hex(key) + R"(","scopes":[)" + scopes + "]}";
}

ApiKeys two_keys() {
  return *ApiKeys::parse(
      key_file(entry("ci", "secret-1", R"("predict")") + "," + entry("boss", "secret-2", R"("predict","admin")")));
}

TEST(ApiKeys, AreFoundByTheirHash) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const ApiKeys keys = two_keys();
  EXPECT_EQ(keys.find("secret-1")->name, "ci");
  EXPECT_TRUE(keys.find("secret-2")->scopes.admin);
  for (const char* wrong : {"", "secret", "secret-3", "secret-1 "}) EXPECT_EQ(keys.find(wrong), nullptr) << wrong;
  EXPECT_EQ(keys.find(std::string(10000, 'x')), nullptr);
  EXPECT_TRUE(ApiKeys::parse(key_file(""))->empty());
}

TEST(ApiKeys, RefuseBadFiles) {
  EXPECT_ERROR(ApiKeys::parse("{"), Code::kCorrupt, "");
  EXPECT_ERROR(ApiKeys::parse("{}"), Code::kInvalid, "\"keys\"");
  EXPECT_ERROR(ApiKeys::parse(key_file(entry("a", "x", R"("root")"))), Code::kInvalid, "key 1: 'scopes'");
  EXPECT_ERROR(ApiKeys::parse(key_file(entry("a b", "x", ""))), Code::kInvalid, "'name'");
  EXPECT_ERROR(ApiKeys::parse(key_file(R"({"name":"a","sha256":"12","scopes":[]})")), Code::kInvalid, "64 hex");
  EXPECT_ERROR(ApiKeys::parse(key_file(entry("a", "x", "") + "," + entry("a", "y", ""))), Code::kInvalid, "key 2");
  EXPECT_ERROR(ApiKeys::parse(key_file(entry("a", "x", "") + "," + entry("b", "x", ""))), Code::kInvalid, "key 2");
}

// A request with these headers; status 0: it may go on.
struct Asked {
  int status;
  std::string client;
  HttpResponse refusal;
};
Asked ask(const AccessRules& rules, Scope scope, const Caller& caller,
          std::initializer_list<HttpHeaders::Field> headers = {{"Host", "localhost:5001"}}) {
  HttpRequest request;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  std::optional<HttpResponse> refusal = check_access(rules, scope, caller, request);
  if (!refusal) return {0, request.client, {}};
  return {refusal->status, request.client, *refusal};
}

TEST(Access, WithoutKeysAdministersThisMachineAlone) {
  const AccessRules open;
  for (const char* peer : {"127.0.0.1", "127.8.9.10", "::1", "unix"}) {
    EXPECT_EQ(ask(open, Scope::kAdmin, {peer, ""}).status, 0) << peer;
  }
  for (const char* peer : {"10.0.0.1", "2001:db8::1", "::ffff:127.0.0.1.evil", ""}) {
    const Asked asked = ask(open, Scope::kAdmin, {peer, ""});
    EXPECT_EQ(asked.status, 403) << peer;
    EXPECT_NE(asked.refusal.body.find("API keys"), std::string::npos);
    EXPECT_EQ(ask(open, Scope::kPredict, {peer, ""}).status, 0);
    EXPECT_EQ(ask(open, Scope::kPublic, {peer, ""}).status, 0);
  }
}

TEST(Access, WithoutKeysPagesOfOtherSitesMayNotAdminister) {
  const AccessRules open;
  const Caller local{"127.0.0.1", ""};
  const auto with = [&](std::initializer_list<HttpHeaders::Field> headers) {
    return ask(open, Scope::kAdmin, local, headers).status;
  };
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Origin", "http://127.0.0.1:5001"}}), 0);
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Origin", "http://127.0.0.1:8080"}}), 403);
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Origin", "null"}}), 403);
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(with({{"Host", "127.0.0.1:5001"}, {"Sec-Fetch-Site", "same-origin"}}), 0);
  // A name that an attacker lets point to this machine.
  EXPECT_EQ(with({{"Host", "evil.example:5001"}, {"Origin", "http://evil.example:5001"}}), 403);
  EXPECT_EQ(with({{"Host", "127.0.0.1.evil.example"}}), 403);
  EXPECT_EQ(with({{"Host", "127.evil.example:5001"}}), 403);
  EXPECT_EQ(with({{"Host", "LOCALHOST"}}), 0);
  EXPECT_EQ(with({{"Host", "[::1]:5001"}}), 0);
  EXPECT_EQ(ask(open, Scope::kAdmin, {"unix", ""}, {{"Host", "anything"}}).status, 0);
}

TEST(Access, WithKeysAsksForTheScope) {
  AccessRules rules;
  rules.keys = two_keys();
  const Caller local{"127.0.0.1", ""};
  const Asked nobody = ask(rules, Scope::kPredict, local);
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.refusal.headers.get("WWW-Authenticate"), "Bearer realm=\"arete\"");
  EXPECT_EQ(ask(rules, Scope::kAdmin, {"unix", ""}).status, 401);
  EXPECT_EQ(ask(rules, Scope::kPublic, local).status, 0);
  EXPECT_EQ(ask(rules, Scope::kPredict, local, {{"Authorization", "Bearer wrong"}}).status, 401);
  EXPECT_EQ(ask(rules, Scope::kPredict, local, {{"Authorization", "Basic c2VjcmV0LTE="}}).status, 401);
  const Asked ci = ask(rules, Scope::kPredict, {"10.0.0.1", ""}, {{"Authorization", "bearer secret-1"}});
  EXPECT_EQ(ci.status, 0);
  EXPECT_EQ(ci.client, "ci");
  EXPECT_EQ(ask(rules, Scope::kPredict, local, {{"X-Api-Key", "secret-1"}}).client, "ci");
  EXPECT_EQ(ask(rules, Scope::kAdmin, local, {{"X-Api-Key", "secret-1"}}).status, 403);
  EXPECT_EQ(ask(rules, Scope::kAdmin, {"10.0.0.1", ""}, {{"X-Api-Key", "secret-2"}}).status, 0);
  EXPECT_EQ(ask(rules, Scope::kPublic, local, {{"X-Api-Key", "secret-2"}}).client, "boss");
}

TEST(Access, WithCertificatesGivesTheirHoldersScopes) {
  AccessRules rules;
  rules.certificates = true;
  rules.certificate_scopes = {.predict = true, .admin = false};
  const Caller device{"10.0.0.1", "device-7"};
  EXPECT_EQ(ask(rules, Scope::kPredict, device).status, 0);
  EXPECT_EQ(ask(rules, Scope::kPredict, device).client, "device-7");
  EXPECT_EQ(ask(rules, Scope::kAdmin, device).status, 403);
  EXPECT_EQ(ask(rules, Scope::kAdmin, {"unix", ""}).status, 0);
  rules.certificate_scopes.admin = true;
  EXPECT_EQ(ask(rules, Scope::kAdmin, device).status, 0);
  // A browser sends the certificate for any page.
  EXPECT_EQ(ask(rules, Scope::kAdmin, device, {{"Host", "h"}, {"Origin", "https://evil.example"}}).status, 403);
  rules.keys = two_keys();
  rules.certificate_scopes.admin = false;
  EXPECT_EQ(ask(rules, Scope::kAdmin, device, {{"X-Api-Key", "secret-2"}}).status, 0);
  EXPECT_EQ(ask(rules, Scope::kPredict, device, {{"X-Api-Key", "wrong"}}).status, 401);
}

TEST(RateLimiter, RefillsEachClientsBucket) {
  RateLimiter limiter({.per_second = 10, .burst = 3});
  constexpr std::int64_t kMs = 1000000;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a", 1000 * kMs), 0);
  const std::int64_t wait = limiter.take("a", 1000 * kMs);
  EXPECT_NEAR(static_cast<double>(wait), 100.0 * kMs, 1.0 * kMs);
  EXPECT_EQ(limiter.take("b", 1000 * kMs), 0);
  EXPECT_GT(limiter.take("a", 1099 * kMs), 0);
  EXPECT_EQ(limiter.take("a", 1101 * kMs), 0);
  EXPECT_GT(limiter.take("a", 1101 * kMs), 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limiter.take("a", 100000 * kMs), 0);
  EXPECT_GT(limiter.take("a", 100000 * kMs), 0);
  EXPECT_FALSE(RateLimiter({}).is_on());
}

TEST(RateLimiter, IsBoundedAndInventedClientsShare) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  for (std::size_t i = 0; i < kMaxRateClients; ++i) EXPECT_EQ(limiter.take("c" + std::to_string(i), 1), 0);
  EXPECT_EQ(limiter.take("new-1", 1), 0);  // the bucket of all others
  EXPECT_GT(limiter.take("new-2", 1), 0);
  EXPECT_GT(limiter.take("c0", 1), 0);              // who was there keeps their own
  EXPECT_EQ(limiter.take("new-3", 5000000000), 0);  // the idle ones are forgotten
  EXPECT_EQ(limiter.take("new-4", 5000000000), 0);
}

TEST(RateClient, CountsANetworkOfIpv6AsOne) {
  EXPECT_EQ(rate_client("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(rate_client("2001:db8:1:2:3:4:5:6"), rate_client("2001:db8:1:2::9"));
  EXPECT_NE(rate_client("2001:db8:1:2::9"), rate_client("2001:db8:1:3::9"));
  EXPECT_EQ(rate_client("fe80::1%eth0"), rate_client("fe80::2"));
  EXPECT_EQ(rate_client("unix"), "unix");
}

}  // namespace
}  // namespace arete::os
