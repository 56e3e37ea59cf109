#include "serve/v2_routes.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/json.h"
#include "serve/v2_facts.h"
#include "serve/v2_json.h"
#include "serve/v2_reader.h"
#include "serve/v2_writer.h"

namespace arete::serve {
namespace {

using os::HttpRequest;
using os::HttpResponse;
using os::RunsOn;
using os::Scope;

constexpr std::size_t kMaxControlBytes = 65536;

// The protocol's own table of statuses; the rest as everywhere.
HttpResponse refuse(const Error& error) {
  if (error.code == Code::kUnsupported) return os::error_response(501, error.message);
  if (error.code == Code::kNotFound || error.code == Code::kUnavailable || error.code == Code::kTimeout ||
      error.code == Code::kBug || error.code == Code::kExhausted)
    return os::error_response(error);
  return os::error_response(400, error.message);
}

// ---- Inference ----

std::variant<Question, HttpResponse> read_infer(const ServedModel& model, const HttpRequest& request,
                                                const Limits& limits) {
  Result<V2Request> read = read_v2_request(model.codec(), request, limits.max_image_bytes);
  if (!read) return refuse(read.error());
  Question question;
  question.request = take_question(*read);
  question.answer = [asked = std::move(*read)](const ServedModel& model, const Inference& inference) {
    Result<HttpResponse> response = write_v2_response(model.codec(), model.version(), asked, inference.outputs);
    return response ? std::move(*response) : refuse(response.error());
  };
  return question;
}

os::AsyncHandler infer(Dispatcher& dispatcher) {
  return [&dispatcher](HttpRequest request, os::Responder respond) {
    std::string name(request.param("model"));
    std::string version(request.param("version"));
    dispatcher.dispatch(kV2Protocol, std::move(name), std::move(version), std::move(request), std::move(respond));
  };
}

// ---- Health and metadata ----

HttpResponse answer(const Result<Json>& facts) { return facts ? os::json_response(*facts) : refuse(facts.error()); }

HttpResponse answer(const Status& done) { return done ? os::json_response(Json::object()) : refuse(done.error()); }

HttpResponse server_ready(const ModelTable& table) {
  const bool ready = table.all_ready();
  return os::json_response(Json::object({{"live", true}, {"ready", ready}}), ready ? 200 : 503);
}

HttpResponse model_ready(const ModelTable& table, const HttpRequest& request) {
  const Result<bool> ready = v2_model_ready(table, request.param("model"), request.param("version"));
  if (!ready) return refuse(ready.error());
  return os::json_response(Json::object({{"name", request.param("model")}, {"ready", *ready}}), *ready ? 200 : 503);
}

HttpResponse model_metadata(const ModelTable& table, const HttpRequest& request) {
  return answer(v2_model_metadata(table, request.param("model"), request.param("version")));
}

HttpResponse model_config(const ModelTable& table, const HttpRequest& request) {
  return answer(v2_model_config(table, request.param("model"), request.param("version")));
}

HttpResponse statistics(const ModelTable& table, const HttpRequest& request) {
  return answer(v2_statistics(table, request.param("model"), request.param("version")));
}

// ---- The repository ----

HttpResponse index(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  return answer(v2_repository_index(table, asked->get<bool>("ready").value_or(false)));
}

HttpResponse load(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  return answer(v2_load(table, std::string(request.param("model")), *asked));
}

HttpResponse unload(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  return answer(v2_unload(table, std::string(request.param("model")), *asked));
}

// A row that asks the table and takes microseconds.
os::Route look(std::string path, std::string summary,
               std::function<HttpResponse(const ModelTable&, const HttpRequest&)> handler, const ModelTable& table) {
  return {
      .method = "GET",
      .path = std::move(path),
      .summary = std::move(summary),
      .runs_on = RunsOn::kInline,
      .handler = [handler = std::move(handler), &table](const HttpRequest& request) { return handler(table, request); },
      .tag = "Open Inference Protocol"};
}

os::Route control(std::string path, std::string summary, Scope scope,
                  HttpResponse (*handler)(ModelTable&, const HttpRequest&), ModelTable& table) {
  return {.method = "POST",
          .path = std::move(path),
          .scope = scope,
          .summary = std::move(summary),
          .body_limit_bytes = kMaxControlBytes,
          .handler = [handler, &table](const HttpRequest& request) { return handler(table, request); },
          .tag = "Model repository"};
}

}  // namespace

const Protocol kV2Protocol = {.kind = ProtocolKind::kV2, .read = &read_infer, .refuse = &refuse};

std::vector<os::Route> make_v2_routes(Dispatcher& dispatcher, const std::string& version) {
  ModelTable& table = dispatcher.table();
  const std::string model = "/v2/models/{model}";
  const std::string of_version = model + "/versions/{version}";
  const auto live = [](const ModelTable&, const HttpRequest&) {
    return os::json_response(Json::object({{"live", true}}));
  };
  const auto metadata = [version](const ModelTable&, const HttpRequest&) {
    return os::json_response(v2_server_metadata(version));
  };
  const auto ready = [](const ModelTable& known, const HttpRequest&) { return server_ready(known); };
  std::vector<os::Route> routes = {
      look("/v2", "The server's name, version and extensions.", metadata, table),
      look("/v2/", "The server's name, version and extensions.", metadata, table),
      look("/v2/health/live", "Whether the server answers.", live, table),
      look("/v2/health/ready", "Whether all its models can answer.", ready, table),
      look("/v2/models/stats", "How often each model answered and where the time went.", &statistics, table),
      control("/v2/repository/index", "Every model and version that is known, and its state.", Scope::kPublic, &index,
              table),
      control("/v2/repository/models/{model}/load", "Loads a model, or its newest version in place of the one before.",
              Scope::kAdmin, &load, table),
      control("/v2/repository/models/{model}/unload", "Unloads a model.", Scope::kAdmin, &unload, table)};
  for (const std::string& at : {model, of_version}) {
    routes.push_back(look(at, "A model's inputs and outputs.", &model_metadata, table));
    routes.push_back(look(at + "/ready", "Whether the model can answer.", &model_ready, table));
    routes.push_back(look(at + "/config", "What a client needs to know to make a batch.", &model_config, table));
    routes.push_back(look(at + "/stats", "How often the model answered and where the time went.", &statistics, table));
    routes.push_back({.method = "POST",
                      .path = at + "/infer",
                      .scope = Scope::kPredict,
                      .summary = "The model's outputs for the inputs in the body.",
                      .body_limit_bytes = dispatcher.limits().max_tensor_bytes,
                      .async = infer(dispatcher),
                      .tag = "Open Inference Protocol"});
  }
  return routes;
}

}  // namespace arete::serve
