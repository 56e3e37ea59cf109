// Handlers that answer at once or later, from other threads, too late, twice or never.
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "os/http_server/http_server.h"
#include "tests/http_server/later.h"
#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using test::Answer;
using test::RawClient;
using test::text;

class AsyncTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    const AsyncHandler at_once = [](HttpRequest request, Responder respond) {
      respond(text(request.body.empty() ? request.path : request.body));
    };
    const AsyncHandler twice = [](HttpRequest, Responder respond) {
      respond(text("first"));
      respond(text("second"));
    };
    const AsyncHandler thread = [](HttpRequest request, Responder respond) {
      std::thread([body = request.body, respond = std::move(respond)]() mutable { respond(text(body)); }).detach();
    };
    Result<std::unique_ptr<HttpServer>> made = HttpServer::start(
        options,
        {{.method = "POST", .path = "/at_once", .body_limit_bytes = 1000000, .async = at_once},
         {.method = "GET", .path = "/at_once", .async = at_once},
         {.method = "GET", .path = "/later", .async = later_.handler()},
         {.method = "GET", .path = "/twice", .async = twice},
         {.method = "POST", .path = "/thread", .body_limit_bytes = 1000000, .async = thread},
         {.method = "GET", .path = "/never", .async = [](HttpRequest, Responder) {}},
         {.method = "GET", .path = "/throws", .async = [](HttpRequest, Responder) { throw std::runtime_error("x"); }}});
    ASSERT_OK(made);
    server_ = std::move(*made);
  }

  static std::string get(const std::string& path, const std::string& more = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
  }
  static std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }

  test::Later later_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AsyncTest, AnswersAtOnceAndFromOtherThreads) {
  start();
  RawClient client(server_->port());
  for (int i = 0; i < 50; ++i) {
    client.send(post("/at_once", "a" + std::to_string(i)));
    EXPECT_EQ(client.receive().body, "a" + std::to_string(i));
    client.send(post("/thread", "t" + std::to_string(i)));
    EXPECT_EQ(client.receive().body, "t" + std::to_string(i));
  }
  client.send("HEAD /at_once HTTP/1.1\r\nHost: x\r\n\r\n" + get("/at_once"));
  EXPECT_NE(client.receive(false).head.find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_EQ(client.receive().body, "/at_once");
}

TEST_F(AsyncTest, KeepsTheOrderOfPipelinedRequests) {
  start();
  RawClient client(server_->port());
  client.send(get("/later") + get("/at_once") + post("/thread", "x") + get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  later_.take().second(text("one"));
  EXPECT_EQ(client.receive().body, "one");
  EXPECT_EQ(client.receive().body, "/at_once");
  EXPECT_EQ(client.receive().body, "x");
  ASSERT_TRUE(later_.wait_for(1));
  later_.take().second(text("four"));
  EXPECT_EQ(client.receive().body, "four");
}

TEST_F(AsyncTest, OnlyTheFirstAnswerCounts) {
  start();
  RawClient client(server_->port());
  client.send(get("/twice") + get("/at_once"));
  EXPECT_EQ(client.receive().body, "first");
  EXPECT_EQ(client.receive().body, "/at_once");
  // An old responder does not answer the next request of its connection.
  client.send(get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  auto old = later_.take();
  old.second(text("in time"));
  EXPECT_EQ(client.receive().body, "in time");
  client.send(get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  old.second(text("stale"));
  later_.take().second(text("fresh"));
  EXPECT_EQ(client.receive().body, "fresh");
}

TEST_F(AsyncTest, SaysSoWhenNobodyAnswers) {
  start();
  RawClient client(server_->port());
  client.send(get("/never") + get("/throws") + get("/at_once"));
  EXPECT_EQ(client.receive().status, 500);
  EXPECT_EQ(client.receive().status, 500);
  EXPECT_EQ(client.receive().status, 200);
}

TEST_F(AsyncTest, AnAnswerToAClientThatLeftIsDropped) {
  start();
  {
    RawClient client(server_->port());
    client.send(get("/later"));
    ASSERT_TRUE(later_.wait_for(1));
  }
  later_.take().second(text("too late"));
  RawClient other(server_->port());
  other.send(get("/at_once"));
  EXPECT_EQ(other.receive().status, 200);
}

TEST_F(AsyncTest, StopWaitsForAnswersWithinItsGrace) {
  start({.io_threads = 2});
  RawClient client(server_->port());
  client.send(get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  std::thread stopper([&] { server_->stop(10000); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  later_.take().second(text("last words"));
  const Answer answer = client.receive();
  EXPECT_EQ(answer.body, "last words");
  EXPECT_NE(answer.head.find("Connection: close"), std::string::npos);
  stopper.join();
}

TEST_F(AsyncTest, AResponderMayOutliveTheServer) {
  start({.io_threads = 2});
  RawClient client(server_->port());
  client.send(get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  server_->stop(50);
  EXPECT_EQ(client.receive().status, 0);
  auto kept = later_.take();
  server_ = nullptr;
  kept.second(text("nobody hears"));
}

TEST_F(AsyncTest, ManyThreadsAnswerManyConnections) {
  start({.io_threads = 3});
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&, t] {
      RawClient client(server_->port());
      for (int i = 0; i < 100; ++i) {
        const std::string body(static_cast<std::size_t>(i * 7 + 1), static_cast<char>('a' + t));
        client.send(post(i % 2 == 0 ? "/thread" : "/at_once", body));
        good += client.receive().body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 8 * 100);
}

TEST(Answer, WaitsForAsyncRows) {
  const std::vector<Route> routes = {
      {.method = "GET", .path = "/a/{x}", .async = [](HttpRequest request, Responder respond) {
         std::thread([x = std::string(request.param("x")), respond = std::move(respond)]() mutable {
           respond(text(x));
         }).detach();
       }}};
  HttpRequest request;
  request.method = "GET";
  request.path = "/a/b";
  EXPECT_EQ(answer(routes, request).body, "b");
}

TEST(Responder, AnswersOnceAndAlways) {
  std::vector<int> statuses;
  const auto note = [&](HttpResponse response) { statuses.push_back(response.status); };
  {
    Responder first(note);
    first(text("x"));
    first(error_response(400, "x"));
    Responder moved = std::move(first);
    moved(error_response(400, "x"));
  }
  EXPECT_EQ(statuses, std::vector<int>({200}));
  {
    Responder dropped(note);
  }
  EXPECT_EQ(statuses, std::vector<int>({200, 500}));
  Responder replaced(note);
  replaced = Responder([](HttpResponse) {});
  EXPECT_EQ(statuses, std::vector<int>({200, 500, 500}));
}

}  // namespace
}  // namespace arete::os
