#include "serve/v2_routes.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/json.h"
#include "os/http_server/content_coding.h"
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
constexpr std::string_view kPlatform = "onnx_onnxv1";

// The protocol's own table of statuses; the rest as everywhere.
HttpResponse refuse(const Error& error) {
  if (error.code == Code::kUnsupported) return os::error_response(501, error.message);
  if (error.code == Code::kNotFound || error.code == Code::kUnavailable || error.code == Code::kTimeout ||
      error.code == Code::kBug || error.code == Code::kExhausted)
    return os::error_response(error);
  return os::error_response(400, error.message);
}

HttpResponse say(const Json& json, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = json.dump();
  return response;
}

// ---- Inference ----

std::variant<Question, HttpResponse> read_infer(const ServedModel& model, const HttpRequest& request,
                                                const Limits& limits) {
  const bool coded = request.headers.count("Content-Encoding") > 0;
  HttpRequest plain;
  if (coded) {
    plain = request;
    if (const Status status = os::decode_body(plain, limits.max_tensor_bytes); !status)
      return os::error_response(status.error());
  }
  Result<V2Request> read = read_v2_request(model.codec(), coded ? plain : request);
  if (!read) return refuse(read.error());
  Question question;
  question.request.inputs = std::move(read->inputs);
  question.request.timeout_ns = read->timeout_us * 1000;
  // The protocol: 0 is the default, 1 goes first, larger numbers later.
  if (read->priority > 0) question.request.priority = std::min(read->priority - 1, kPriorities - 1);
  question.answer = [asked = std::move(*read), accepts = std::string(request.headers.get("Accept-Encoding"))](
                        const ServedModel& model, const Inference& inference) {
    Result<HttpResponse> response = write_v2_response(model.codec(), model.version(), asked, inference.outputs);
    if (!response) return refuse(response.error());
    if (!accepts.empty()) os::encode_body(*response, accepts);
    return std::move(*response);
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

Json values_json(const std::vector<engine::ValueInfo>& values) {
  Json list = Json::array();
  for (const engine::ValueInfo& value : values) {
    Json shape = Json::array();
    for (const std::int64_t size : value.shape) shape.push_back(size);
    list.push_back(
        Json::object({{"name", value.name}, {"datatype", v2_name(value.dtype)}, {"shape", std::move(shape)}}));
  }
  return list;
}

HttpResponse server_metadata(const std::string& version) {
  Json extensions = Json::array();
  for (const char* extension : {"binary_tensor_data", "classification", "model_configuration", "model_repository",
                                "model_repository(unload_dependents)", "parameters", "schedule_policy", "statistics"})
    extensions.push_back(extension);
  return say(Json::object({{"name", "arete"}, {"version", version}, {"extensions", std::move(extensions)}}));
}

HttpResponse server_ready(const ModelTable& table) {
  const bool ready = table.all_ready();
  return say(Json::object({{"live", true}, {"ready", ready}}), ready ? 200 : 503);
}

HttpResponse model_ready(const ModelTable& table, const HttpRequest& request) {
  const Result<Pick> pick = table.pick(request.param("model"), request.param("version"));
  if (!pick && pick.error().code == Code::kNotFound) return refuse(pick.error());
  const bool asleep = !pick && table.is_asleep(request.param("model"));  // it answers when it is asked
  const bool ready = pick.has_value() || asleep;
  return say(Json::object({{"name", request.param("model")}, {"ready", ready}}), ready ? 200 : 503);
}

HttpResponse model_metadata(const ModelTable& table, const HttpRequest& request) {
  const Result<Pick> pick = table.pick(request.param("model"), request.param("version"));
  if (!pick) return refuse(pick.error());
  Json versions = Json::array();
  for (const ModelRow& row : table.rows()) {
    if (row.name == pick->model->name() && row.state == ModelState::kReady) versions.push_back(row.version);
  }
  return say(Json::object({{"name", pick->model->name()},
                           {"versions", std::move(versions)},
                           {"platform", kPlatform},
                           {"inputs", values_json(pick->model->codec().inputs())},
                           {"outputs", values_json(pick->model->codec().outputs())}}));
}

// What Triton's clients read of a model's configuration.
HttpResponse model_config(const ModelTable& table, const HttpRequest& request) {
  const Result<Pick> pick = table.pick(request.param("model"), request.param("version"));
  if (!pick) return refuse(pick.error());
  const ServedModel& model = *pick->model;
  const std::int64_t rows = model.batcher().max_rows();
  const auto values = [&](const std::vector<engine::ValueInfo>& infos) {
    Json list = Json::array();
    for (const engine::ValueInfo& info : infos) {
      Json dims = Json::array();
      for (std::size_t i = rows > 1 ? 1 : 0; i < info.shape.size(); ++i) dims.push_back(info.shape[i]);
      const std::string_view name = info.dtype == DType::kString ? "STRING" : v2_name(info.dtype);
      list.push_back(
          Json::object({{"name", info.name}, {"data_type", "TYPE_" + std::string(name)}, {"dims", std::move(dims)}}));
    }
    return list;
  };
  return say(Json::object({{"name", model.name()},
                           {"platform", kPlatform},
                           {"backend", "onnxruntime"},
                           {"max_batch_size", rows > 1 ? rows : 0},
                           {"input", values(model.codec().inputs())},
                           {"output", values(model.codec().outputs())}}));
}

HttpResponse statistics(const ModelTable& table, const HttpRequest& request) {
  const std::string_view name = request.param("model");
  const std::string_view version = request.param("version");
  Json list = Json::array();
  bool known = name.empty();
  for (const std::shared_ptr<const ServedModel>& model : table.ready()) {
    if (!name.empty() && (model->name() != name || (!version.empty() && model->version() != version))) continue;
    known = true;
    list.push_back(model->statistics().to_json(model->name(), model->version()));
  }
  if (!known) {
    const Result<Pick> pick = table.pick(name, version);
    if (!pick) return refuse(pick.error());
  }
  return say(Json::object({{"model_stats", std::move(list)}}));
}

// ---- The repository ----

HttpResponse index(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  if (const Status scanned = table.scan(); !scanned) return refuse(scanned.error());
  const bool ready_only = asked->get<bool>("ready").value_or(false);
  Json list = Json::array();
  for (const ModelRow& row : table.rows()) {
    if (ready_only && row.state != ModelState::kReady) continue;
    list.push_back(Json::object(
        {{"name", row.name}, {"version", row.version}, {"state", name_of(row.state)}, {"reason", row.reason}}));
  }
  return say(list);
}

HttpResponse load(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  for (const auto& [name, value] : asked->values) {
    if (name == "version") continue;
    return refuse({Code::kUnsupported, "the load parameter '" + name +
                                           "' is not taken: models come from the repository folder alone; put the "
                                           "file there and load it by its name"});
  }
  const Status loaded =
      table.load(std::string(request.param("model")), asked->get<std::string>("version").value_or(""));
  return loaded ? say(Json::object()) : refuse(loaded.error());
}

HttpResponse unload(ModelTable& table, const HttpRequest& request) {
  const Result<V2Parameters> asked = parse_v2_parameters(request.body);
  if (!asked) return refuse(asked.error());
  const Status unloaded =
      table.unload(std::string(request.param("model")), asked->get<std::string>("version").value_or(""));
  return unloaded ? say(Json::object()) : refuse(unloaded.error());
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
  const auto live = [](const ModelTable&, const HttpRequest&) { return say(Json::object({{"live", true}})); };
  const auto metadata = [version](const ModelTable&, const HttpRequest&) { return server_metadata(version); };
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
