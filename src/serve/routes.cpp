#include "serve/routes.h"

#include <algorithm>
#include <string_view>

#include "os/http_server/openapi.h"
#include "serve/predict.h"
#include "serve/v2_routes.h"
#include "watch/prometheus.h"

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

HttpResponse health(const ModelTable& table) {
  const Result<Pick> pick = table.pick(table.default_name());
  const bool ready = table.all_ready();
  Json json = Json::object({{"status", ready ? "ok" : "loading"}, {"model", table.default_name()}});
  if (pick) json.set("engine", pick->model->engine());
  return os::json_response(json, ready ? 200 : 503);
}

HttpResponse model(const Dispatcher& dispatcher, const std::string& name) {
  const Result<Pick> pick = dispatcher.table().pick(name);
  if (!pick) return os::error_response(pick.error());
  return os::json_response(describe_model(*pick->model, dispatcher.limits()));
}

HttpResponse models(const Dispatcher& dispatcher) {
  Json list = Json::array();
  for (const std::shared_ptr<const ServedModel>& model : dispatcher.table().ready())
    list.push_back(describe_model(*model, dispatcher.limits()));
  return os::json_response(Json::object({{"models", std::move(list)}, {"default", dispatcher.table().default_name()}}));
}

HttpResponse metrics(const Dispatcher& dispatcher) {
  HttpResponse response;
  response.content_type = watch::kPrometheusContentType;
  response.body = dispatcher.crew().metrics.text();
  return response;
}

os::Route predict_row(Dispatcher& dispatcher, std::string path) {
  const Limits& limits = dispatcher.limits();
  const std::size_t image = std::max(limits.max_image_bytes, limits.max_image_bytes / 3 * 4) + kMultipartOverheadBytes;
  return {.method = "POST",
          .path = std::move(path),
          .scope = Scope::kPredict,
          .summary = "The model's answer to an image, a record or tensors.",
          .body_limit_bytes = std::max(image, limits.max_json_bytes),
          .async =
              [&dispatcher](HttpRequest request, os::Responder respond) {
                std::string name(request.param("model"));
                std::string version(request.param("version"));
                dispatcher.dispatch(kPredictProtocol, std::move(name), std::move(version), std::move(request),
                                    std::move(respond));
              },
          .tag = "Prediction"};
}

os::Route look(std::string path, std::string summary, RunsOn runs_on, os::Handler handler) {
  return {.method = "GET",
          .path = std::move(path),
          .summary = std::move(summary),
          .runs_on = runs_on,
          .handler = std::move(handler),
          .tag = "Server"};
}

}  // namespace

Json describe_model(const ServedModel& model, const Limits& limits) {
  const ModelCodec& codec = model.codec();
  Json notices = Json::array();
  for (const std::string& notice : model.notices()) notices.push_back(notice);
  return Json::object({{"name", model.name()},
                       {"version", model.version()},
                       {"engine", model.engine()},
                       {"inputs", values_json(codec.inputs())},
                       {"outputs", values_json(codec.outputs())},
                       {"card", to_json(codec.card())},
                       {"card_given", codec.has_card()},
                       {"notices", std::move(notices)},
                       {"max_batch_rows", model.batcher().max_rows()},
                       {"max_image_bytes", static_cast<std::int64_t>(limits.max_image_bytes)},
                       {"max_json_bytes", static_cast<std::int64_t>(limits.max_json_bytes)}});
}

std::vector<os::Route> make_routes(Dispatcher& dispatcher, const std::string& version) {
  std::vector<os::Route> routes = {
      look("/", "A page on which a person tries the models.", RunsOn::kInline, constant(page())),
      predict_row(dispatcher, "/predict"),
      predict_row(dispatcher, "/models/{model}/predict"),
      predict_row(dispatcher, "/models/{model}/versions/{version}/predict"),
      look("/healthz", "Whether the server is up and its models can answer.", RunsOn::kInline,
           [&dispatcher](const HttpRequest&) { return health(dispatcher.table()); }),
      look("/model", "The default model's inputs, outputs and card.", RunsOn::kInline,
           [&dispatcher](const HttpRequest&) { return model(dispatcher, dispatcher.table().default_name()); }),
      look("/models", "All models that can answer.", RunsOn::kWorker,
           [&dispatcher](const HttpRequest&) { return models(dispatcher); }),
      look(
          "/models/{model}", "A model's inputs, outputs and card.", RunsOn::kInline,
          [&dispatcher](const HttpRequest& request) { return model(dispatcher, std::string(request.param("model"))); }),
      look("/metrics", "What the server counts, for Prometheus.", RunsOn::kWorker,
           [&dispatcher](const HttpRequest&) { return metrics(dispatcher); })};
  for (os::Route& route : make_v2_routes(dispatcher, version)) routes.push_back(std::move(route));
  os::Route& description = routes.emplace_back(
      look("/openapi.json", "This description of the server, for tools.", RunsOn::kInline, nullptr));
  description.handler = constant(os::json_response(os::openapi(routes, {.title = "Arete", .version = version})));
  return routes;
}

}  // namespace arete::serve
