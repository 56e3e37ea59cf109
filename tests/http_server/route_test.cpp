// Which row answers a path: exact ones, patterns, escapes, and what is said when none does.
#include "os/http_server/route.h"

#include "os/http_server/http_server.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

std::vector<Route> table() {
  std::vector<Route> routes;
  for (const char* path :
       {"/v2", "/v2/models/{model}", "/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer",
        "/v2/models/special/infer", "/v2/models/{model}/stats", "/v2/models/stats", "/{any}/models/special/stats"}) {
    routes.push_back({.method = "GET", .path = path, .handler = [path](const HttpRequest& request) {
                        HttpResponse response;
                        response.body = path;
                        for (const auto& [name, value] : request.params) response.body += " " + name + "=" + value;
                        return response;
                      }});
  }
  routes.push_back({.method = "POST", .path = "/v2/models/{other}/infer", .handler = [](const HttpRequest& request) {
                      HttpResponse response;
                      response.body = "POST " + std::string(request.param("other"));
                      return response;
                    }});
  return routes;
}

HttpResponse ask(const std::string& target, const std::string& method = "GET") {
  HttpRequest request;
  request.method = method;
  if (const Status status = parse_target(target, request); !status) return error_response(status.error());
  return answer(table(), request);
}

TEST(Pattern, HandsOnItsSegments) {
  EXPECT_EQ(ask("/v2").body, "/v2");
  EXPECT_EQ(ask("/v2/models/m").body, "/v2/models/{model} model=m");
  EXPECT_EQ(ask("/v2/models/m/infer?x=/y").body, "/v2/models/{model}/infer model=m");
  EXPECT_EQ(ask("/v2/models/m/versions/v1/infer").body,
            "/v2/models/{model}/versions/{version}/infer model=m version=v1");
}

TEST(Pattern, CutsBeforeItDecodes) {
  EXPECT_EQ(ask("/v2/models/a%2Fb/infer").body, "/v2/models/{model}/infer model=a/b");
  EXPECT_EQ(ask("/v2/models/%2e%2e/infer").body, "/v2/models/{model}/infer model=..");
  EXPECT_EQ(ask("/v2/models/a%20b+c").body, "/v2/models/{model} model=a b+c");
  EXPECT_EQ(ask("/v2/mod%65ls/m/infer").body, "/v2/models/{model}/infer model=m");
  EXPECT_EQ(ask("/v2/models/%00/infer").status, 400);
}

TEST(Pattern, TakesNoEmptySegments) {
  for (const char* target : {"/v2/models//infer", "/v2/models/", "/v2/models/m/", "/v2/models/m/infer/",
                             "//v2/models/m/infer", "/v2/models/m/versions//infer"}) {
    EXPECT_EQ(ask(target).status, 404) << target;
  }
}

TEST(Pattern, LiteralSegmentsWin) {
  EXPECT_EQ(ask("/v2/models/special/infer").body, "/v2/models/special/infer");
  EXPECT_EQ(ask("/v2/models/special/stats").body, "/v2/models/{model}/stats model=special");
  EXPECT_EQ(ask("/v3/models/special/stats").body, "/{any}/models/special/stats any=v3");
  EXPECT_EQ(ask("/v2/models/stats").body, "/v2/models/stats");
}

TEST(Pattern, NamesTheMethodsOfAllItsRows) {
  EXPECT_EQ(ask("/v2/models/m/infer", "POST").body, "POST m");
  const HttpResponse wrong = ask("/v2/models/m/infer", "DELETE");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask("/v2/models/special/infer", "POST").status, 405);
  EXPECT_EQ(ask("/v2/models/m/versions/v/infer", "POST").headers.get("Allow"), "GET, HEAD");
}

TEST(Pattern, MatchesTheBytesOfAConnection) {
  const std::vector<Route> routes = table();
  const ParsedBytes parsed =
      parse_http_bytes("GET http://h:1/v2/models/a%2Fb/infer?q HTTP/1.1\r\nHost: x\r\n\r\n", {}, routes);
  ASSERT_NE(parsed.route, nullptr);
  EXPECT_EQ(parsed.route->path, "/v2/models/{model}/infer");
  EXPECT_EQ(parsed.request.param("model"), "a/b");
  EXPECT_EQ(parsed.request.param("none"), "");
}

}  // namespace
}  // namespace arete::os
