// The real server on a free port, spoken to byte by byte.
#include "os/http_server/http_server.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::RawClient;

// A door that handlers wait at until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    wake_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    wake_.wait(lock, [this] { return open_; });
  }
  int waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool open_ = false;
  int waiting_ = 0;
};

class ServerTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    const Handler echo = [](const HttpRequest& request) {
      HttpResponse response;
      response.content_type = "text/plain";
      response.body = request.body.empty() ? request.path : request.body;
      return response;
    };
    const Handler slow = [this](const HttpRequest&) {
      gate_.wait();
      return HttpResponse{};
    };
    const Handler large = [](const HttpRequest&) {
      HttpResponse response;
      response.body.assign(std::size_t{32} << 20, 'x');
      return response;
    };
    Result<std::unique_ptr<HttpServer>> made = HttpServer::start(
        options, {{.method = "GET", .path = "/", .handler = echo},
                  {.method = "GET", .path = "/fast", .runs_on = RunsOn::kInline, .handler = echo},
                  {.method = "POST", .path = "/echo", .body_limit_bytes = 100000, .handler = echo},
                  {.method = "POST", .path = "/huge", .body_limit_bytes = std::size_t{1} << 30, .handler = echo},
                  {.method = "GET", .path = "/slow", .handler = slow},
                  {.method = "GET", .path = "/large", .handler = large}});
    ASSERT_OK(made);
    server_ = std::move(*made);
  }

  Answer ask(const std::string& bytes) {
    RawClient client(server_->port());
    client.send(bytes);
    return client.receive();
  }
  bool wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
    return condition();
  }

  Gate gate_;
  std::unique_ptr<HttpServer> server_;
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
std::string post(const std::string& path, std::size_t length, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
}

TEST_F(ServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.send(kGet + post("/echo", 3) + "abc" +
                          "GET /fast HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\n\r\n" +
                          "GET /none HTTP/1.1\r\nHost: x\r\n\r\n" + kGet));
  EXPECT_EQ(client.receive().body, "/");
  EXPECT_EQ(client.receive().body, "abc");
  EXPECT_EQ(client.receive().body, "/fast");
  const Answer head = client.receive(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.head.find("Content-Length: 1\r\n"), std::string::npos);
  EXPECT_EQ(client.receive().status, 404);
  EXPECT_EQ(client.receive().body, "/");
}

TEST_F(ServerTest, ClosesWhenTheClientAsks) {
  start();
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.receive().head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.closed());
  RawClient old(server_->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.receive().status, 200);
  EXPECT_TRUE(old.closed());
}

TEST_F(ServerTest, ReadsChunkedBodies) {
  start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient client(server_->port());
  client.send(head + "3\r\nabc\r\n");
  std::this_thread::sleep_for(milliseconds(20));
  client.send("2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n" + kGet);
  EXPECT_EQ(client.receive().body, "abcde");
  EXPECT_EQ(client.receive().body, "/");
  RawClient byte_by_byte(server_->port());
  for (const char c : head + "3\r\nabc\r\n0\r\n\r\n") byte_by_byte.send(std::string(1, c));
  EXPECT_EQ(byte_by_byte.receive().body, "abc");
  EXPECT_EQ(ask(head + "x\r\nabc\r\n").status, 400);
  EXPECT_EQ(ask(head + "ffffffffffffffff1\r\nabc\r\n").status, 400);
}

TEST_F(ServerTest, RefusesLargeBodiesBeforeReadingThem) {
  start();
  RawClient client(server_->port());
  client.send(post("/echo", 100001));
  const Answer answer = client.receive();
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.body.find("100000 bytes"), std::string::npos);
  // The client may go on sending for a while and still gets its answer; then the end.
  RawClient eager(server_->port());
  eager.send(post("/echo", 50000000));
  eager.send(std::string(2000000, 'x'));
  EXPECT_EQ(eager.receive().status, 413);
  eager.finish_sending();
  EXPECT_TRUE(eager.closed());
}

TEST_F(ServerTest, RefusesLargeChunkedBodies) {
  start();
  RawClient client(server_->port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  for (int i = 0; i < 8; ++i) client.send(chunk);
  EXPECT_EQ(client.receive().status, 413);
}

TEST_F(ServerTest, TakesBodiesUpToTheLimit) {
  start();
  RawClient client(server_->port());
  const std::string body(100000, 'y');
  client.send(post("/echo", body.size()) + body);
  EXPECT_EQ(client.receive().body, body);
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsWelcome) {
  start();
  RawClient client(server_->port());
  client.send(post("/echo", 3, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "abc");
  EXPECT_EQ(ask(post("/echo", 999999, "Expect: 100-Continue\r\n")).status, 413);
  EXPECT_EQ(ask(post("/none", 3, "Expect: 100-continue\r\n")).status, 404);
  EXPECT_EQ(ask(post("/echo", 3, "Expect: coffee\r\n")).status, 417);
}

TEST_F(ServerTest, RefusesWhatIsAmbiguousOrBroken) {
  start();
  const struct {
    std::string bytes;
    int status;
  } rows[] = {
      {"garbage\r\n\r\n", 400},
      {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
       "3\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20000, 'a') + "\r\n\r\n", 431},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413},
      {"BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
  };
  for (const auto& row : rows) EXPECT_EQ(ask(row.bytes).status, row.status) << row.bytes.substr(0, 120);
  EXPECT_EQ(ask(kGet).status, 200);
}

TEST_F(ServerTest, SaysThatARequestEndedInItsMiddle) {
  start();
  RawClient client(server_->port());
  client.send(post("/echo", 10) + "abc");
  client.finish_sending();
  EXPECT_EQ(client.receive().status, 400);
}

TEST_F(ServerTest, AnswersInlineRoutesWhileAllWorkersAreBusy) {
  start({.handler_threads = 1, .max_queued_requests = 1});
  RawClient first(server_->port()), second(server_->port()), third(server_->port());
  first.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(wait_until([&] { return gate_.waiting() == 1; }));
  second.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(50));
  third.send(kGet);
  const Answer full = third.receive();
  EXPECT_EQ(full.status, 503);
  EXPECT_NE(full.head.find("Retry-After: 1"), std::string::npos);
  third.send("GET /fast HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(third.receive().status, 200);
  gate_.open();
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(second.receive().status, 200);
}

TEST_F(ServerTest, TellsSlowClientsAndClosesIdleOnes) {
  start({.idle_timeout_ms = 300, .request_timeout_ms = 300});
  RawClient head(server_->port()), body(server_->port()), idle(server_->port());
  head.send("GET / HT");
  body.send(post("/echo", 10) + "ab");
  EXPECT_EQ(head.receive().status, 408);
  EXPECT_TRUE(head.closed());
  EXPECT_EQ(body.receive().status, 408);
  EXPECT_TRUE(idle.closed());
}

TEST_F(ServerTest, CutsOffAClientThatNeverReads) {
  start({.request_timeout_ms = 200, .min_bytes_per_second = 1 << 30});
  RawClient client(server_->port(), 4096);
  client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(800));
  EXPECT_EQ(ask(kGet).status, 200);
  EXPECT_EQ(client.receive().status, 0);  // what arrived is not the whole
}

TEST_F(ServerTest, BoundsTheBytesOfAllUploads) {
  start({.max_buffered_bytes = 1000000});
  RawClient hog(server_->port());
  hog.send(post("/huge", 2000000) + std::string(900000, 'x'));
  std::this_thread::sleep_for(milliseconds(100));
  RawClient late(server_->port());
  late.send(post("/huge", 400000) + std::string(400000, 'x'));
  EXPECT_EQ(late.receive().status, 503);
  hog.send(std::string(1100000, 'x'));
  EXPECT_EQ(hog.receive().status, 503);
  EXPECT_EQ(ask(post("/echo", 3) + "abc").body, "abc");
}

TEST_F(ServerTest, BoundsTheNumberOfConnections) {
  start({.max_connections = 2});
  RawClient first(server_->port()), second(server_->port());
  first.send(kGet);
  second.send(kGet);
  EXPECT_EQ(first.receive().status, 200);
  EXPECT_EQ(second.receive().status, 200);
  EXPECT_EQ(ask(kGet).status, 503);
}

TEST_F(ServerTest, ServesManyConnectionsOnSeveralLoops) {
  start({.io_threads = 3, .handler_threads = 4});
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      RawClient client(server_->port());
      const std::string body(static_cast<std::size_t>(t * 1000 + 1), static_cast<char>('a' + t));
      for (int i = 0; i < 50; ++i) {
        client.send(post("/echo", body.size()) + body);
        good += client.receive().body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 16 * 50);
}

TEST_F(ServerTest, StopFinishesWhatRunsAndClosesTheRest) {
  start();
  RawClient busy(server_->port()), idle(server_->port()), sending(server_->port());
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  sending.send(post("/echo", 6) + "abc");
  ASSERT_TRUE(wait_until([&] { return gate_.waiting() == 1; }));
  std::thread stopper([&] { server_->stop(5000); });
  std::this_thread::sleep_for(milliseconds(100));
  gate_.open();
  sending.send("def");
  const Answer answer = busy.receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
  EXPECT_EQ(sending.receive().body, "abcdef");
  EXPECT_TRUE(idle.closed());
  stopper.join();
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(ServerTest, StopDoesNotWaitForEver) {
  start();
  RawClient stuck(server_->port());
  stuck.send(post("/echo", 6) + "abc");
  std::this_thread::sleep_for(milliseconds(50));
  server_->stop(200);  // returns, although the client never sends the rest
  EXPECT_EQ(stuck.receive().status, 0);
}

TEST_F(ServerTest, PortInUseNamesTheProgram) {
  start();
  const Result<std::unique_ptr<HttpServer>> second = HttpServer::start({.port = server_->port()}, {});
  EXPECT_ERROR(second, Code::kConflict, "(process " + std::to_string(::getpid()) + ")");
}

TEST(Start, ExplainsBadHosts) {
  EXPECT_ERROR(HttpServer::start({.host = "192.0.2.1"}, {}), Code::kInvalid, "not an address of this machine");
  EXPECT_ERROR(HttpServer::start({.host = "no.such.host.invalid"}, {}), Code::kNotFound, "no.such.host.invalid");
  EXPECT_ERROR(HttpServer::start({.host = ""}, {}), Code::kInvalid, "empty");
}

TEST(Start, ListensOnIpv6) {
  Result<std::unique_ptr<HttpServer>> server = HttpServer::start({.host = "[::1]"}, {});
  if (!server) GTEST_SKIP() << "SKIP: no IPv6";
  EXPECT_EQ((*server)->url(), "http://[::1]:" + std::to_string((*server)->port()));
}

TEST(Parse, SaysWhatBytesMean) {
  const std::vector<Route> routes = {{.method = "POST", .path = "/p", .body_limit_bytes = 5}};
  const ParsedBytes whole =
      parse_http_bytes("POST /p?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcrest", {}, routes);
  EXPECT_EQ(whole.route, routes.data());
  EXPECT_EQ(whole.request.body, "abc");
  EXPECT_EQ(whole.request.query.at(0).second, "1");
  const ParsedBytes part = parse_http_bytes("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na", {}, routes);
  EXPECT_EQ(part.route, nullptr);
  EXPECT_FALSE(part.refusal);
  const ParsedBytes bad = parse_http_bytes("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", {}, routes);
  EXPECT_EQ(bad.refusal->status, 413);
}

}  // namespace
}  // namespace arete::os
