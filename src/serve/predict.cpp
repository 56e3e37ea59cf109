#include "serve/predict.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "os/base/machine.h"
#include "os/http_server/multipart.h"
#include "serve/tensor_json.h"

namespace arete::serve {
namespace {

using os::error_response;
using os::HttpRequest;
using os::HttpResponse;

constexpr std::string_view kNoImage = "No image provided";  // the words are part of the contract
constexpr std::string_view kForms =
    "send multipart/form-data with a field \"image\", an image/jpeg or image/png body, or "
    "application/json";

constexpr std::size_t kLargeExchangeBytes = std::size_t{1} << 20;

// How long the parts of an answer took, as browsers and tools read it.
class Stopwatch {
 public:
  void lap(std::string_view name) {
    const std::int64_t now = os::real_clock().now_ns();
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s%.*s;dur=%.3f", laps_.empty() ? "" : ", ", static_cast<int>(name.size()),
                  name.data(), static_cast<double>(now - last_) / 1e6);
    laps_ += text.data();
    last_ = now;
  }
  const std::string& laps() const { return laps_; }

 private:
  std::int64_t last_ = os::real_clock().now_ns();
  std::string laps_;
};

HttpResponse json_response(const Json& json, const Stopwatch& watch) {
  HttpResponse response;
  response.body = json.dump();
  response.headers.add("Server-Timing", watch.laps());
  return response;
}

// An image that cannot be read is the client's mistake, also when its format is one we lack; one for a model that
// takes none is of the wrong type.
HttpResponse image_error(const ModelService& service, const Error& error) {
  if (service.card().input.kind != InputKind::kImage) return error_response(415, error.message);
  if (error.code == Code::kUnavailable || error.code == Code::kBug) return error_response(error);
  return error_response(error.code == Code::kExhausted ? 413 : 400, error.message);
}

// The answer to one image or one record.
HttpResponse answer_one(const ModelService& service, NamedTensor input, Stopwatch& watch) {
  const Result<std::vector<Tensor>> outputs = service.run(std::span(&input, 1));
  watch.lap("model");
  if (!outputs) return error_response(outputs.error());
  if (service.card().output.kind != OutputKind::kClassification) {
    Result<Json> values = service.outputs_json(*outputs);
    if (!values) return error_response(values.error());
    return json_response(Json::object({{"outputs", std::move(*values)}}), watch);
  }
  const Result<std::vector<Json>> rows = service.predictions(*outputs);
  if (!rows) return error_response(rows.error());
  if (rows->size() != 1)
    return error_response(500, "the model answered with " + std::to_string(rows->size()) + " rows to one question");
  if (rows->front().find("prediction")->is_null()) {
    return error_response(
        500, "the model's output '" + service.outputs().front().name + "' is not a number (NaN) for this input");
  }
  return json_response(rows->front(), watch);
}

HttpResponse predict_image(const ModelService& service, const PredictLimits& limits, std::string_view image) {
  if (image.empty()) return error_response(400, kNoImage);
  if (image.size() > limits.max_image_bytes) {
    return error_response(413, "the image has " + std::to_string(image.size()) + " bytes, over the limit of " +
                                   std::to_string(limits.max_image_bytes));
  }
  Stopwatch watch;
  Result<NamedTensor> input = service.image_input(std::as_bytes(std::span(image)));
  watch.lap("decode");
  if (!input) return image_error(service, input.error());
  return answer_one(service, std::move(*input), watch);
}

HttpResponse predict_multipart(const ModelService& service, const PredictLimits& limits, const HttpRequest& request) {
  const Result<std::vector<os::Part>> parts = os::parse_multipart(request.body, request.headers.get("Content-Type"));
  if (!parts) return error_response(parts.error());
  const auto image = std::ranges::find(*parts, "image", &os::Part::name);
  if (image == parts->end()) return error_response(400, kNoImage);
  if (image->body.empty() && !image->file_name.empty())
    return error_response(400, "the image '" + image->file_name + "' is empty: it has no bytes");
  return predict_image(service, limits, image->body);
}

// {"x": float32[?,4], "mask": bool[?]}, for messages.
std::string describe_inputs(const ModelService& service) {
  std::string text;
  for (const engine::ValueInfo& input : service.inputs()) {
    text += (text.empty() ? "'" : ", '") + input.name + "' " + engine::describe(input);
  }
  return text;
}

Result<std::vector<NamedTensor>> read_inputs(const ModelService& service, const Json& inputs) {
  if (!inputs.is_object()) {
    return Error{Code::kInvalid,
                 "\"inputs\" must be an object {name: nested numbers}; the inputs are " + describe_inputs(service)};
  }
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : inputs.as_object()) {
    const auto info = std::ranges::find(service.inputs(), name, &engine::ValueInfo::name);
    if (info == service.inputs().end()) {
      return Error{Code::kInvalid, "the model has no input '" + name + "'; the inputs are " + describe_inputs(service)};
    }
    ASSIGN_OR_RETURN(Tensor tensor, json_to_tensor(values, info->dtype, name));
    tensors.push_back({name, std::move(tensor)});
  }
  return tensors;
}

HttpResponse predict_inputs(const ModelService& service, const Json& inputs) {
  Stopwatch watch;
  const Result<std::vector<NamedTensor>> tensors = read_inputs(service, inputs);
  watch.lap("decode");
  if (!tensors) return error_response(tensors.error());
  const Result<std::vector<Tensor>> outputs = service.run(*tensors);
  watch.lap("model");
  if (!outputs) return error_response(outputs.error());
  const bool classifies = service.card().output.kind == OutputKind::kClassification;
  Result<std::vector<Json>> rows = classifies ? service.predictions(*outputs) : std::vector<Json>();
  if (!rows) return error_response(rows.error());
  Result<Json> values = service.outputs_json(*outputs);
  if (!values) return error_response(values.error());
  Json answer = Json::object({{"outputs", std::move(*values)}});
  if (!classifies) return json_response(answer, watch);
  if (rows->size() != 1) return json_response(answer.set("predictions", Json(std::move(*rows))), watch);
  for (auto& [key, value] : rows->front().as_object()) answer.set(key, std::move(value));
  return json_response(answer, watch);
}

HttpResponse predict_json(const ModelService& service, const PredictLimits& limits, const HttpRequest& request) {
  if (request.body.empty()) return error_response(400, "the body is empty; send {\"inputs\": {name: nested numbers}}");
  const Result<Json> body = Json::parse(request.body, {.max_bytes = limits.max_json_bytes});
  if (!body) return error_response(body.error());
  if (const Json* inputs = body->find("inputs"); inputs != nullptr) return predict_inputs(service, *inputs);
  const Json* record = body->find("record");
  const bool takes_records = service.card().input.kind == InputKind::kRecord && body->is_object();
  if (record == nullptr && !takes_records) {
    return error_response(
        400, "the JSON body must be {\"inputs\": {name: nested numbers}}; the inputs are " + describe_inputs(service));
  }
  Stopwatch watch;
  Result<NamedTensor> input = service.record_input(record != nullptr ? *record : *body);
  watch.lap("decode");
  if (!input) return error_response(input.error());
  return answer_one(service, std::move(*input), watch);
}

// The media type that a body without one shows by its first bytes.
std::string_view sniff(std::string_view body) {
  if (body.starts_with("\xFF\xD8\xFF") || body.starts_with("\x89PNG")) return "image/*";
  return body.starts_with('{') ? "application/json" : "";
}

HttpResponse answer(const ModelService& service, const PredictLimits& limits, const HttpRequest& request) {
  const std::string given = os::media_type(request.headers.get("Content-Type"));
  const bool unsaid = given.empty() || given == "application/octet-stream";
  const std::string type = unsaid ? std::string(sniff(request.body)) : given;
  if (type == "multipart/form-data") return predict_multipart(service, limits, request);
  if (type.starts_with("image/")) return predict_image(service, limits, request.body);
  if (type == "application/json") return predict_json(service, limits, request);
  if (request.body.empty()) {
    const bool wants_image = service.card().input.kind == InputKind::kImage;
    return error_response(400, wants_image ? std::string(kNoImage) : "the body is empty; " + std::string(kForms));
  }
  return error_response(
      415, (given.empty() ? "the body has no Content-Type; " : "Content-Type " + given + " is not understood; ") +
               std::string(kForms));
}

}  // namespace

HttpResponse predict(const ModelService& service, const PredictLimits& limits, const HttpRequest& request) {
  HttpResponse response = answer(service, limits, request);
  // What a large question took while it was numbers would stay with us else.
  if (std::max(request.body.size(), response.body.size()) > kLargeExchangeBytes) os::return_freed_memory();
  return response;
}

}  // namespace arete::serve
