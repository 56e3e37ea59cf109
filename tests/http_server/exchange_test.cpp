// What every exchange carries: ids, records, keys and limits, through a real socket.
#include <mutex>
#include <vector>

#include "os/http_server/http_server.h"
#include "tests/http_server/later.h"
#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using test::Answer;
using test::RawClient;

struct Record {
  std::string id, method, route, target, peer, client;
  int status;
  std::uint64_t bytes_in, bytes_out;
  std::int64_t duration_ns;
};

class ExchangeTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    options.on_exchange = [this](const Exchange& e) {
      const std::lock_guard lock(mutex_);
      records_.push_back({std::string(e.id), std::string(e.method), std::string(e.route), std::string(e.target),
                          std::string(e.peer), std::string(e.client), e.status, e.bytes_in, e.bytes_out,
                          e.duration_ns});
    };
    const Handler who = [](const HttpRequest& request) { return test::text(request.id + "|" + request.client); };
    Result<std::unique_ptr<HttpServer>> made = HttpServer::start(
        options,
        {{.method = "GET", .path = "/id", .runs_on = RunsOn::kInline, .handler = who},
         {.method = "POST", .path = "/m/{name}", .scope = Scope::kPredict, .body_limit_bytes = 1000, .handler = who},
         {.method = "POST", .path = "/admin", .scope = Scope::kAdmin, .body_limit_bytes = 10, .handler = who}});
    ASSERT_OK(made);
    server_ = std::move(*made);
  }
  Answer ask(const std::string& line, const std::string& more = "", const std::string& body = "") {
    RawClient client(server_->port());
    client.send(line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                more + "\r\n" + body);
    return client.receive();
  }
  static std::string field(const Answer& answer, const std::string& name) {
    const std::size_t at = answer.head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t first = at + name.size() + 4;
    return answer.head.substr(first, answer.head.find("\r\n", first) - first);
  }
  std::vector<Record> records(std::size_t count) {
    EXPECT_TRUE(test::wait_until([&] {
      const std::lock_guard lock(mutex_);
      return records_.size() >= count;
    }));
    const std::lock_guard lock(mutex_);
    return records_;
  }

  std::mutex mutex_;
  std::vector<Record> records_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ExchangeTest, EveryAnswerHasAnId) {
  start();
  const Answer given = ask("GET /id", "X-Request-Id: order:7_a.b-C\r\n");
  EXPECT_EQ(given.body, "order:7_a.b-C|");
  EXPECT_EQ(field(given, "X-Request-Id"), "order:7_a.b-C");
  const Answer made = ask("GET /id"), other = ask("GET /id");
  EXPECT_EQ(field(made, "X-Request-Id") + "|", made.body);
  EXPECT_NE(field(made, "X-Request-Id"), field(other, "X-Request-Id"));
  for (const std::string& bad : {std::string("a b"), std::string(200, 'x'), std::string("a\"b"), std::string("\xff"),
                                 std::string("a;b"), std::string("<x>")}) {
    EXPECT_NE(ask("GET /id", "X-Request-Id: " + bad + "\r\n").body, bad + "|");
  }
  EXPECT_FALSE(field(ask("GET /none"), "X-Request-Id").empty());
  RawClient garbage(server_->port());
  garbage.send("garbage\r\n\r\n");
  EXPECT_FALSE(field(garbage.receive(), "X-Request-Id").empty());
}

TEST_F(ExchangeTest, AreRecordedRefusalsToo) {
  start();
  EXPECT_EQ(ask("POST /m/a%2Fb?x=1", "X-Request-Id: one\r\n", "abc").status, 200);
  EXPECT_EQ(ask("GET /none/" + std::string(1000, 'x')).status, 404);
  RawClient garbage(server_->port());
  garbage.send("garbage\r\n\r\n");
  EXPECT_EQ(garbage.receive().status, 400);
  const std::vector<Record> all = records(3);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, "one");
  EXPECT_EQ(all[0].method, "POST");
  EXPECT_EQ(all[0].route, "/m/{name}");
  EXPECT_EQ(all[0].target, "/m/a%2Fb?x=1");
  EXPECT_EQ(all[0].peer, "127.0.0.1");
  EXPECT_EQ(all[0].status, 200);
  const std::string sent =
      "POST /m/a%2Fb?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nX-Request-Id: one\r\n\r\nabc";
  EXPECT_EQ(all[0].bytes_in, sent.size());
  EXPECT_GT(all[0].bytes_out, 50U);
  EXPECT_GT(all[0].duration_ns, 0);
  EXPECT_EQ(all[1].status, 404);
  EXPECT_EQ(all[1].route, "");
  EXPECT_EQ(all[1].target.size(), kMaxLoggedTargetBytes);
  EXPECT_EQ(all[2].status, 400);
  EXPECT_EQ(all[2].method, "");
}

TEST_F(ExchangeTest, AskForKeysBeforeTheBodyIsRead) {
  const std::string file = R"({"keys":[{"name":"ci","sha256":")" + sha256_hex("k") + R"(","scopes":["predict"]}]})";
  start({.api_keys = *ApiKeys::parse(file)});
  EXPECT_EQ(ask("GET /id").status, 200);
  const Answer nobody = ask("POST /m/x", "Expect: 100-continue\r\n", "abc");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(field(nobody, "WWW-Authenticate"), "Bearer realm=\"arete\"");
  const Answer ci = ask("POST /m/x", "Authorization: Bearer k\r\n", "abc");
  EXPECT_EQ(ci.status, 200);
  EXPECT_TRUE(ci.body.ends_with("|ci")) << ci.body;
  EXPECT_EQ(ask("POST /admin", "X-Api-Key: k\r\n").status, 403);
  EXPECT_EQ(records(4)[2].client, "ci");
}

TEST_F(ExchangeTest, WithoutKeysAdministrationIsForThisMachine) {
  start();
  EXPECT_EQ(ask("POST /admin").status, 200);
  EXPECT_EQ(ask("POST /admin", "Origin: http://evil.example\r\n").status, 403);
}

TEST_F(ExchangeTest, AreLimitedForPredictionsAlone) {
  start({.rate_limit = {.per_second = 0.001, .burst = 2}});
  EXPECT_EQ(ask("POST /m/x").status, 200);
  EXPECT_EQ(ask("POST /m/y").status, 200);
  const Answer limited = ask("POST /m/z");
  EXPECT_EQ(limited.status, 429);
  EXPECT_GT(std::stoi(field(limited, "Retry-After")), 900);
  EXPECT_EQ(ask("GET /id").status, 200);
  EXPECT_EQ(ask("POST /admin").status, 200);
}

}  // namespace
}  // namespace arete::os
