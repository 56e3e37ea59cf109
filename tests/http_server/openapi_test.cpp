// The OpenAPI document of a table of routes.
#include "os/http_server/openapi.h"

#include <set>

#include "tests/support/assert.h"

namespace arete::os {
namespace {

Json document() {
  const std::vector<Route> routes = {
      {.method = "GET", .path = "/v2", .summary = "What this server is."},
      {.method = "GET", .path = "/v2/", .summary = "The same."},
      {.method = "POST",
       .path = "/v2/models/{model}/versions/{version}/infer",
       .scope = Scope::kPredict,
       .summary = "Inference.",
       .body_limit_bytes = 100,
       .tag = "Inference",
       .request_schema = Json::object({{"type", "object"}}),
       .response_schema = Json::object({{"type", "object"}})},
      {.method = "GET", .path = "/v2/models/{model}/versions/{version}/infer"},
      {.method = "POST", .path = "/load", .scope = Scope::kAdmin, .body_limit_bytes = 1}};
  return openapi(routes, {.title = "Arete", .version = "1.2.3", .description = "Models."});
}

const Json& at(const Json& json, std::initializer_list<const char*> path) {
  const Json* now = &json;
  for (const char* key : path) {
    const Json* next = now->find(key);
    EXPECT_NE(next, nullptr) << key << " in " << now->dump();
    if (next == nullptr) return *now;
    now = next;
  }
  return *now;
}

TEST(OpenApi, HasWhatTheStandardDemands) {
  const Json json = document();
  EXPECT_EQ(at(json, {"openapi"}).as_string(), "3.1.0");
  EXPECT_EQ(at(json, {"info", "title"}).as_string(), "Arete");
  EXPECT_EQ(at(json, {"info", "version"}).as_string(), "1.2.3");
  std::set<std::string> ids;
  for (const auto& [path, item] : at(json, {"paths"}).as_object()) {
    EXPECT_TRUE(path.starts_with('/'));
    for (const auto& [method, operation] : item.as_object()) {
      EXPECT_TRUE(ids.insert(at(operation, {"operationId"}).as_string()).second);
      at(operation, {"responses", "200", "description"});
      EXPECT_EQ(at(operation, {"responses", "default", "$ref"}).as_string(), "#/components/responses/Error");
    }
  }
  EXPECT_EQ(ids.size(), 5U);
  at(json, {"components", "responses", "Error", "content", "application/json", "schema", "$ref"});
  at(json, {"components", "schemas", "Error", "properties", "error"});
  EXPECT_EQ(Json::parse(json.dump())->dump(), json.dump());
}

TEST(OpenApi, SaysParametersBodiesAndScopes) {
  const Json json = document();
  const Json& infer = at(json, {"paths", "/v2/models/{model}/versions/{version}/infer", "post"});
  const Json::Array& parameters = at(infer, {"parameters"}).as_array();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(at(parameters[1], {"name"}).as_string(), "version");
  EXPECT_EQ(at(parameters[1], {"in"}).as_string(), "path");
  EXPECT_TRUE(at(parameters[1], {"required"}).as_bool());
  EXPECT_EQ(at(infer, {"requestBody", "content", "application/json", "schema", "type"}).as_string(), "object");
  EXPECT_EQ(at(infer, {"tags"}).as_array()[0].as_string(), "Inference");
  EXPECT_EQ(at(infer, {"security"}).as_array().size(), 4U);  // three ways, and none where no keys are configured
  EXPECT_EQ(at(json, {"paths", "/load", "post", "security"}).as_array().size(), 3U);
  EXPECT_EQ(at(json, {"paths", "/v2", "get"}).find("security"), nullptr);
  EXPECT_EQ(at(json, {"paths", "/v2", "get"}).find("requestBody"), nullptr);
  for (const Json& way : at(infer, {"security"}).as_array()) {
    for (const auto& [scheme, scopes] : way.as_object()) at(json, {"components", "securitySchemes", scheme.c_str()});
  }
}

}  // namespace
}  // namespace arete::os
