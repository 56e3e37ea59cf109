#include "os/http_server/http_message.h"

#include "os/http_server/route.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

TEST(Target, DecodesPathAndQuery) {
  HttpRequest request;
  ASSERT_OK(parse_target("/a%20b/%C3%A9?x=1&y=a+b%26&flag&=v#frag", request));
  EXPECT_EQ(request.path, "/a b/é");
  ASSERT_EQ(request.query.size(), 4U);
  EXPECT_EQ(request.query[1], (std::pair<std::string, std::string>("y", "a b&")));
  EXPECT_EQ(request.query[2].first, "flag");
  EXPECT_EQ(request.query[2].second, "");
}

TEST(Target, AbsoluteFormDropsTheHost) {
  HttpRequest request;
  ASSERT_OK(parse_target("http://example.com:80/predict?x=1", request));
  EXPECT_EQ(request.path, "/predict");
  HttpRequest bare;
  ASSERT_OK(parse_target("HTTP://example.com", bare));
  EXPECT_EQ(bare.path, "/");
}

TEST(Target, RefusesWhatIsNoPath) {
  for (const std::string target : {"", "*", "predict", "example.com:443", "/%", "/%4", "/%zz", "/%00", "/a?b=%g1"}) {
    HttpRequest request;
    EXPECT_FALSE(parse_target(target, request)) << target;
  }
}

TEST(Target, BoundsTheQuery) {
  std::string target = "/?";
  for (int i = 0; i < 300; ++i) target += "a&";
  HttpRequest request;
  EXPECT_ERROR(parse_target(target, request), Code::kInvalid, "256 fields");
}

TEST(Headers, IgnoreCaseOfNames) {
  HttpHeaders headers;
  headers.add("Content-TYPE", "a");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.get("CONTENT-type"), "a");
  EXPECT_EQ(headers.count("content-type"), 2U);
  EXPECT_EQ(headers.get("none"), "");
}

TEST(MediaType, DropsParametersAndCase) {
  EXPECT_EQ(media_type(" Image/PNG ; q=1"), "image/png");
  EXPECT_EQ(media_type(""), "");
  EXPECT_EQ(media_type(" ;"), "");
}

TEST(Render, KeepsHeaderValuesOnOneLine) {
  HttpResponse response;
  response.headers.add("X-Name", "a\r\nEvil: 1");
  response.headers.add("Bad\nName", "x");
  response.body = "12";
  EXPECT_EQ(render_head(response, true),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: "
            "keep-alive\r\n"
            "X-Name: aEvil: 1\r\n\r\n");
}

TEST(ErrorResponse, CarriesStatusAndText) {
  const HttpResponse response = error_response(Error{Code::kUnavailable, "say \"later\""});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, R"({"error":"say \"later\""})");
  EXPECT_EQ(response.headers.get("retry-after"), "1");
}

std::vector<Route> table() {
  const Handler echo = [](const HttpRequest& request) {
    HttpResponse response;
    response.body = request.body;
    return response;
  };
  return {{.method = "GET", .path = "/", .handler = echo},
          {.method = "POST", .path = "/", .body_limit_bytes = 4, .handler = echo},
          {.method = "GET",
           .path = "/throw",
           .handler = [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("oops"); }},
          {.method = "GET", .path = "/full", .handler = [](const HttpRequest&) -> HttpResponse {
             throw std::bad_alloc();
           }}};
}

HttpRequest request_for(std::string method, std::string path, std::string body = "") {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.body = std::move(body);
  return request;
}

TEST(Routes, AnswerByMethodAndPath) {
  EXPECT_EQ(answer(table(), request_for("POST", "/", "abcd")).body, "abcd");
  EXPECT_EQ(answer(table(), request_for("HEAD", "/")).status, 200);
  EXPECT_EQ(answer(table(), request_for("POST", "/", "abcde")).status, 413);
}

TEST(Routes, NameWhatThereIs) {
  const HttpResponse missing = answer(table(), request_for("GET", "/predict\""));
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find(R"(["GET /","POST /","GET /throw","GET /full"])"), std::string::npos) << missing.body;
  const HttpResponse wrong = answer(table(), request_for("DELETE", "/"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD, POST");
  const HttpResponse options = answer(table(), request_for("OPTIONS", "/"));
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.get("Allow"), "GET, HEAD, POST");
}

TEST(Routes, TurnExceptionsIntoAnswers) {
  EXPECT_EQ(answer(table(), request_for("GET", "/throw")).status, 500);
  EXPECT_EQ(answer(table(), request_for("GET", "/full")).status, 503);
}

}  // namespace
}  // namespace arete::os
