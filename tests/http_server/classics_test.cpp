// The old attacks on HTTP servers, each through a real socket: it gets a status and a JSON error, others notice
// nothing.
#include <memory>
#include <thread>

#include "core/json.h"
#include "os/http_server/http_server.h"
#include "os/http_server/request_parser.h"
#include "tests/http_server/later.h"
#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::RawClient;

class ClassicsTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    const Handler echo = [](const HttpRequest& request) { return test::text(request.path + "|" + request.body); };
    const Handler large = [](const HttpRequest&) { return test::text(std::string(std::size_t{8} << 20, 'x')); };
    Result<std::unique_ptr<HttpServer>> made = HttpServer::start(
        options, {{.method = "GET", .path = "/", .runs_on = RunsOn::kInline, .handler = echo},
                  {.method = "POST", .path = "/echo", .body_limit_bytes = 100000, .handler = echo},
                  {.method = "GET", .path = "/later", .async = later_.handler()},
                  {.method = "GET", .path = "/large", .async = [large](HttpRequest request, Responder respond) {
                     respond(large(request));
                   }}});
    ASSERT_OK(made);
    server_ = std::move(*made);
    bystander_ = std::make_unique<RawClient>(server_->port());
  }
  void TearDown() override {
    if (!bystander_) return;
    bystander_->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(bystander_->receive().body, "/|") << "another connection was harmed";
  }
  Answer ask(const std::string& bytes) {
    RawClient client(server_->port());
    client.send(bytes);
    return client.receive();
  }
  // The bytes get this status with a JSON error, and nothing that stands behind them is answered.
  void expect_refused(const std::string& bytes, int status) {
    RawClient client(server_->port());
    client.send(bytes + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    const Answer answer = client.receive();
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 200);
    const Result<Json> json = Json::parse(answer.body);
    EXPECT_TRUE(json && json->find("error") != nullptr) << answer.body;
    client.finish_sending();
    EXPECT_TRUE(client.closed()) << "something more was answered to " << bytes.substr(0, 200);
  }
  static std::string chunked(const std::string& body) {
    return "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
  }
  static std::string with(const std::string& headers, const std::string& body = "") {
    return "POST /echo HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
  }

  test::Later later_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<RawClient> bystander_;
};

TEST_F(ClassicsTest, TwoLengthsOfOneBody) {
  start();
  expect_refused(with("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nX"), 400);
  expect_refused(with("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", "0\r\n\r\nX"), 400);
  expect_refused(with("Content-Length: 3\r\nContent-Length: 5\r\n", "abcde"), 400);
  expect_refused(with("Content-Length: 3, 5\r\n", "abcde"), 400);
  expect_refused(with("Content-Length: +3\r\n", "abc"), 400);
  expect_refused(with("Content-Length: 0x3\r\n", "abc"), 400);
  expect_refused(with("Content-Length: 3 3\r\n", "abc"), 400);
  expect_refused(with("Content-Length: \r\n", ""), 400);
  expect_refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
  expect_refused(with("Transfer-Encoding: identity\r\n", ""), 501);
  expect_refused(with("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501);
  expect_refused(with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501);
  expect_refused(with("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400);
  expect_refused(with("Transfer-Encoding:\x0b"
                      "chunked\r\n",
                      "0\r\n\r\n"),
                 400);
}

TEST_F(ClassicsTest, LinesThatDoNotEndAsTheyShould) {
  start();
  expect_refused("GET / HTTP/1.1\nHost: x\n\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\nContent-Length: 5\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\t7\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(1, '\0') + "\r\n\r\n", 400);
  expect_refused("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 400);
  expect_refused("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400);
  expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
}

TEST_F(ClassicsTest, ChunksThatAreNone) {
  start();
  for (const char* body : {"3 \r\nabc\r\n0\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "-1\r\nabc\r\n0\r\n\r\n",
                           "\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc0\r\n\r\n",
                           "ffffffffffffffff0\r\nabc\r\n", "g\r\nabc\r\n", "3\r\nabc\r\n0\r\nbad trailer\r\n\r\n"}) {
    expect_refused(chunked(body), 400);
  }
  expect_refused(chunked("fffffffffffffff\r\nabc"), 413);
  expect_refused(chunked("3;" + std::string(kMaxChunkExtensionBytes + 1, 'e') + "\r\nabc\r\n0\r\n\r\n"), 400);
  expect_refused(chunked("3;" + std::string(100000, 'e')), 431);
  EXPECT_EQ(ask(chunked("3;name=\"v\"\r\nabc\r\n0\r\n\r\n")).body, "/echo|abc");
  EXPECT_EQ(ask(chunked("00000003\r\nabc\r\n000\r\nT: x\r\n\r\n")).body, "/echo|abc");
}

TEST_F(ClassicsTest, HeadersWithoutEnd) {
  start();
  std::string many;
  for (std::size_t i = 0; i <= kMaxHeaderFields; ++i) many += "A: b\r\n";
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" + many + "\r\n", 431);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(70000, 'a') + ": b\r\n\r\n", 431);
  expect_refused("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(200000, 'a'), 431);
  expect_refused("GET /" + std::string(70000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431);
  expect_refused(std::string(100000, 'A') + " / HTTP/1.1\r\n\r\n", 431);
}

TEST_F(ClassicsTest, HostsThatDisagree) {
  start();
  expect_refused("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\n\r\n", 400);
  EXPECT_EQ(ask("GET http://other.example/ HTTP/1.1\r\nHost: x\r\n\r\n").body, "/|");
  EXPECT_EQ(ask("GET / HTTP/1.0\r\n\r\n").body, "/|");
}

TEST_F(ClassicsTest, SlowSendersAreEndedWhileOthersGoOn) {
  start({.request_timeout_ms = 400});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->port()));
    slow.back()->send(i % 2 == 0 ? "GET / HTTP/1.1\r\nHost: x\r\n" : with("Content-Length: 1000\r\n"));
  }
  for (int round = 0; round < 10; ++round) {  // a byte now and then does not help
    for (const auto& client : slow) client->send(round % 2 == 0 ? "A" : ":");
    EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    std::this_thread::sleep_for(milliseconds(80));
  }
  for (const auto& client : slow) EXPECT_EQ(client->receive().status, 408);
}

TEST_F(ClassicsTest, ReadersThatNeverReadAreCut) {
  start({.request_timeout_ms = 200, .min_bytes_per_second = 1 << 30});
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (int i = 0; i < 5; ++i) {
    deaf.push_back(std::make_unique<RawClient>(server_->port(), 4096));
    deaf.back()->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  std::this_thread::sleep_for(milliseconds(800));
  for (const auto& client : deaf) EXPECT_EQ(client->receive().status, 0);
}

TEST_F(ClassicsTest, UploadsThatAreAborted) {
  start();
  for (int i = 0; i < 50; ++i) {
    RawClient client(server_->port());
    client.send(i % 2 == 0 ? with("Content-Length: 90000\r\n", std::string(5000, 'x')) : chunked("1000\r\nabc"));
  }
  EXPECT_EQ(ask(with("Content-Length: 3\r\n", "abc")).body, "/echo|abc");
}

TEST_F(ClassicsTest, PipelinesAreAnsweredInOrderWithinBounds) {
  start();
  RawClient client(server_->port());
  std::string requests = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int i = 0; i < 100; ++i) {
    const std::string body = std::to_string(i);
    requests += with("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  }
  client.send(requests);
  ASSERT_TRUE(later_.wait_for(1));
  later_.take().second(test::text("first"));
  EXPECT_EQ(client.receive().body, "first");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.receive().body, "/echo|" + std::to_string(i));
}

TEST_F(ClassicsTest, AnsweredBodiesSplitNoAnswer) {
  start();
  const Answer answer = ask("GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\nX-Evil: 1\r\n\r\n");
  EXPECT_EQ(answer.head.find("X-Evil"), std::string::npos);
  EXPECT_EQ(ask("GET /%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\n\r\n").head.find("X-Evil"), std::string::npos);
}

}  // namespace
}  // namespace arete::os
