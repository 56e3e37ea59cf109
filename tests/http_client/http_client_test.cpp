// The client against our own server: what comes is what lies there, and limits hold.
#include <cstdlib>

#include "os/http_client/http_client.h"
#include "os/http_server/http_server.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto row = [](const char* path, std::function<HttpResponse(const HttpRequest&)> handler) {
      return Route{
          .method = "GET", .path = path, .summary = "", .runs_on = RunsOn::kInline, .handler = std::move(handler)};
    };
    const auto moved = [](const char* where) {
      return [where](const HttpRequest&) {
        HttpResponse response;
        response.status = 302;
        response.headers.add("Location", where);
        return response;
      };
    };
    const auto file = [](const HttpRequest&) {
      HttpResponse response;
      response.body = std::string(100'000, 'x');
      return response;
    };
    HttpServerOptions options;
    auto started =
        HttpServer::start(options, {row("/file", file), row("/moved", moved("/file")), row("/round", moved("/round")),
                                    row("/away", moved("file:///etc/passwd"))});
    ASSERT_OK(started);
    server_ = std::move(*started);
  }
  std::string at(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(server_->port()) + path; }

  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_ = make_http_client();
};

TEST_F(HttpClientTest, GetsWhatLiesThere) {
  for (int i = 0; i < 3; ++i) {
    const auto answer = client_->get(at("/file"), 100'000);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, std::string(100'000, 'x'));
  }
  EXPECT_EQ(client_->get(at("/nothing"), 1 << 20)->status, 404);
  EXPECT_EQ(client_->get(at("/moved"), 100'000)->body.size(), 100'000U);
}

TEST_F(HttpClientTest, KeepsToItsLimits) {
  EXPECT_ERROR(client_->get(at("/file"), 99'999), Code::kExhausted, "more than 99999 bytes");
  EXPECT_ERROR(client_->get(at("/round"), 1000), Code::kUnavailable, "redirect");
  EXPECT_FALSE(client_->get(at("/away"), 1000).has_value());
  ASSERT_OK(client_->get(at("/file"), 100'000));  // it goes on after errors
}

TEST_F(HttpClientTest, SaysWhyNobodyAnswers) {
  EXPECT_ERROR(client_->get("http://127.0.0.1:1/", 1000), Code::kUnavailable, "connect");
  EXPECT_ERROR(client_->get("file:///etc/passwd", 1000), Code::kInvalid, "");
  EXPECT_ERROR(client_->get("http://", 1000), Code::kInvalid, "");
}

TEST_F(HttpClientTest, ReadsNothingOfTheEnvironment) {
  ASSERT_EQ(::setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  const auto answer = make_http_client()->get(at("/file"), 100'000);
  ASSERT_EQ(::unsetenv("http_proxy"), 0);
  ASSERT_OK(answer);
}

}  // namespace
}  // namespace arete::os
