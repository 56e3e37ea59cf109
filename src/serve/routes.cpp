#include "serve/routes.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace arete::serve::pages {
extern const std::string_view index_html;  // web/serve/index.html, embedded at build
}

namespace arete::serve {
namespace {

using os::HttpRequest;
using os::HttpResponse;
using os::RunsOn;
using os::Scope;

Json values_json(const std::vector<engine::ValueInfo>& values) {
  Json list = Json::array();
  for (const engine::ValueInfo& value : values) {
    Json shape = value.known_shape ? Json::array() : Json();
    for (const std::int64_t size : value.shape) shape.push_back(size);
    list.push_back(Json::object({{"name", value.name}, {"dtype", name_of(value.dtype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

// A handler that always says the same.
os::Handler constant(HttpResponse response) {
  return [response = std::move(response)](const HttpRequest&) { return response; };
}

HttpResponse page() {
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::string(pages::index_html);
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                       "img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action "
                       "'none'; frame-ancestors 'none'");
  return response;
}

HttpResponse health(const ModelService& service) {
  HttpResponse response;
  response.body = Json::object({{"status", "ok"}, {"model", service.name()}, {"engine", service.engine()}}).dump();
  return response;
}

HttpResponse model(const ModelService& service, const PredictLimits& limits) {
  HttpResponse response;
  response.body = describe_model(service, limits).dump();
  return response;
}

}  // namespace

Json describe_model(const ModelService& service, const PredictLimits& limits) {
  return Json::object({{"name", service.name()},
                       {"engine", service.engine()},
                       {"inputs", values_json(service.inputs())},
                       {"outputs", values_json(service.outputs())},
                       {"card", to_json(service.card())},
                       {"card_given", service.has_card()},
                       {"max_image_bytes", static_cast<std::int64_t>(limits.max_image_bytes)},
                       {"max_json_bytes", static_cast<std::int64_t>(limits.max_json_bytes)}});
}

std::vector<os::Route> make_routes(const ModelService& service, const PredictLimits& limits) {
  const std::size_t largest = std::max(limits.max_image_bytes + kMultipartOverheadBytes, limits.max_json_bytes);
  return {
      {.method = "GET",
       .path = "/",
       .summary = "A page on which a person tries the model.",
       .runs_on = RunsOn::kInline,
       .handler = constant(page())},
      {.method = "POST",
       .path = "/predict",
       .scope = Scope::kPredict,
       .summary = "The model's answer to an image, a record or tensors.",
       .body_limit_bytes = largest,
       .handler = [&service, limits](const HttpRequest& request) { return predict(service, limits, request); }},
      {.method = "GET",
       .path = "/healthz",
       .summary = "Whether the server is up, and with which model.",
       .runs_on = RunsOn::kInline,
       .handler = constant(health(service))},
      {.method = "GET",
       .path = "/model",
       .summary = "The model's inputs, outputs and card.",
       .runs_on = RunsOn::kInline,
       .handler = constant(model(service, limits))},
  };
}

}  // namespace arete::serve
