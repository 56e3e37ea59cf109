#include "os/http_server/openapi.h"

#include <algorithm>
#include <cctype>

namespace arete::os {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "GET /v2/models/{model}" -> "get_v2_models_model", "GET /v2/" -> "get_v2_slash".
std::string operation_id(const Route& route) {
  std::string id = lower_case(route.method);
  for (const char c : route.path) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) id += c;
    if (!letter && id.back() != '_') id += '_';
  }
  if (route.path.size() > 1 && route.path.ends_with('/')) return id + "slash";
  if (id.back() == '_') id.pop_back();
  return id;
}

Json reference(std::string_view to) { return Json::object({{"$ref", "#/components/" + std::string(to)}}); }

Json parameters_of(const Route& route) {
  Json parameters = Json::array();
  std::string_view rest = route.path;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    rest.remove_prefix(open + 1);
    const std::string_view name = rest.substr(0, rest.find('}'));
    parameters.push_back(Json::object({{"name", name},
                                       {"in", "path"},
                                       {"required", true},
                                       {"schema", Json::object({{"type", "string"}, {"minLength", 1}})}}));
  }
  return parameters;
}

// A body of JSON when the row has a schema for it, else any bytes.
Json content_of(const Json& schema) {
  if (schema.is_null()) return Json::object({{"*/*", Json::object()}});
  return Json::object({{"application/json", Json::object({{"schema", schema}})}});
}

Json responses_of(const Route& route) {
  Json responses = Json::object(
      {{"200", Json::object({{"description", "The answer."}, {"content", content_of(route.response_schema)}})}});
  responses.set("default", reference("responses/Error"));
  return responses;
}

Json security_of(const Route& route) {
  Json scopes = Json::array();
  scopes.push_back(route.scope == Scope::kAdmin ? "admin" : "predict");
  Json ways = Json::array();
  for (const char* scheme : {"bearer", "apiKey", "mutualTLS"}) ways.push_back(Json::object({{scheme, scopes}}));
  if (route.scope == Scope::kPredict) ways.push_back(Json::object());  // a server without keys asks for none
  return ways;
}

Json operation(const Route& route) {
  Json json = Json::object({{"operationId", operation_id(route)}, {"summary", route.summary}});
  if (!route.tag.empty()) {
    Json tags = Json::array();
    tags.push_back(route.tag);
    json.set("tags", std::move(tags));
  }
  Json parameters = parameters_of(route);
  if (!parameters.as_array().empty()) json.set("parameters", std::move(parameters));
  if (route.body_limit_bytes > 0) {
    json.set("requestBody", Json::object({{"content", content_of(route.request_schema)}}));
  }
  json.set("responses", responses_of(route));
  if (route.scope != Scope::kPublic) json.set("security", security_of(route));
  return json;
}

Json components() {
  const auto text = [] { return Json::object({{"type", "string"}}); };
  Json required = Json::array();
  required.push_back("error");
  const Json error = Json::object(
      {{"type", "object"}, {"required", std::move(required)}, {"properties", Json::object({{"error", text()}})}});
  const Json response = Json::object(
      {{"description", "What is wrong, for people; the status says it for programs."},
       {"headers", Json::object({{"X-Request-Id", Json::object({{"schema", text()}})}})},
       {"content", Json::object({{"application/json", Json::object({{"schema", reference("schemas/Error")}})}})}});
  const Json schemes =
      Json::object({{"bearer", Json::object({{"type", "http"}, {"scheme", "bearer"}})},
                    {"apiKey", Json::object({{"type", "apiKey"}, {"in", "header"}, {"name", "X-Api-Key"}})},
                    {"mutualTLS", Json::object({{"type", "mutualTLS"}})}});
  return Json::object({{"schemas", Json::object({{"Error", error}})},
                       {"responses", Json::object({{"Error", response}})},
                       {"securitySchemes", schemes}});
}

Json& member(Json& object, const std::string& key) {
  for (auto& [name, value] : object.as_object()) {
    if (name == key) return value;
  }
  object.set(key, Json::object());
  return object.as_object().back().second;
}

}  // namespace

Json openapi(std::span<const Route> routes, const OpenApiInfo& info) {
  Json about = Json::object({{"title", info.title}, {"version", info.version}});
  if (!info.description.empty()) about.set("description", info.description);
  Json paths = Json::object();
  for (const Route& route : routes) member(paths, route.path).set(lower_case(route.method), operation(route));
  return Json::object(
      {{"openapi", "3.1.0"}, {"info", std::move(about)}, {"paths", std::move(paths)}, {"components", components()}});
}

}  // namespace arete::os
