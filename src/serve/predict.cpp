#include "serve/predict.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "core/base64.h"
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

using Read = std::variant<Question, HttpResponse>;

HttpResponse timed_response(const Json& json, const Inference& inference) {
  const auto ms = [](std::int64_t ns) { return static_cast<double>(ns) / 1e6; };
  std::array<char, 128> timing{};
  std::snprintf(timing.data(), timing.size(), "decode;dur=%.3f, queue;dur=%.3f, model;dur=%.3f",
                ms(inference.decode_ns), ms(inference.queue_ns), ms(inference.compute_ns));
  HttpResponse response = os::json_response(json);
  response.headers.add("Server-Timing", timing.data());
  return response;
}

// An image that cannot be read is the client's mistake, also when its format is one we lack; one for a model that
// takes none is of the wrong type.
HttpResponse image_error(const ModelCodec& codec, const Error& error) {
  if (codec.card().input.kind != InputKind::kImage) return error_response(415, error.message);
  if (error.code == Code::kUnavailable || error.code == Code::kBug) return error_response(error);
  return error_response(error.code == Code::kExhausted ? 413 : 400, error.message);
}

// ---- Answers ----

// To one image or one record.
HttpResponse answer_one(const ServedModel& model, const Inference& inference) {
  const ModelCodec& codec = model.codec();
  if (!codec.classifies()) {
    Result<Json> values = codec.outputs_json(inference.outputs);
    if (!values) return error_response(values.error());
    return timed_response(Json::object({{"outputs", std::move(*values)}}), inference);
  }
  const Result<std::vector<Json>> rows = codec.predictions(inference.outputs);
  if (!rows) return error_response(rows.error());
  if (rows->size() != 1)
    return error_response(500, "the model answered with " + std::to_string(rows->size()) + " rows to one question");
  if (rows->front().find("prediction")->is_null()) {
    return error_response(
        500, "the model's output '" + codec.outputs().front().name + "' is not a number (NaN) for this input");
  }
  return timed_response(rows->front(), inference);
}

// To tensors: all outputs, and predictions where the card says classification.
HttpResponse answer_tensors(const ServedModel& model, const Inference& inference) {
  const ModelCodec& codec = model.codec();
  Result<std::vector<Json>> rows = codec.classifies() ? codec.predictions(inference.outputs) : std::vector<Json>();
  if (!rows) return error_response(rows.error());
  Result<Json> values = codec.outputs_json(inference.outputs);
  if (!values) return error_response(values.error());
  Json answer = Json::object({{"outputs", std::move(*values)}});
  if (!codec.classifies()) return timed_response(answer, inference);
  if (rows->size() != 1) return timed_response(answer.set("predictions", Json(std::move(*rows))), inference);
  for (auto& [key, value] : rows->front().as_object()) answer.set(key, std::move(value));
  return timed_response(answer, inference);
}

// ---- Questions ----

Question ask(std::vector<NamedTensor> inputs, HttpResponse (*answer)(const ServedModel&, const Inference&)) {
  Question question;
  question.request.inputs = std::move(inputs);
  question.answer = answer;
  return question;
}

Question ask_one(NamedTensor input) {
  std::vector<NamedTensor> inputs;
  inputs.push_back(std::move(input));
  return ask(std::move(inputs), &answer_one);
}

Read read_image(const ModelCodec& codec, const Limits& limits, std::string_view image) {
  if (image.empty()) return error_response(400, kNoImage);
  if (image.size() > limits.max_image_bytes) {
    return error_response(413, "the image has " + std::to_string(image.size()) + " bytes, over the limit of " +
                                   std::to_string(limits.max_image_bytes));
  }
  Result<NamedTensor> input = codec.image_input(std::span(&image, 1));
  if (!input) return image_error(codec, input.error());
  return ask_one(std::move(*input));
}

Read read_multipart(const ModelCodec& codec, const Limits& limits, const HttpRequest& request) {
  const Result<std::vector<os::Part>> parts = os::parse_multipart(request.body, request.headers.get("Content-Type"));
  if (!parts) return error_response(parts.error());
  const auto image = std::ranges::find(*parts, "image", &os::Part::name);
  if (image == parts->end()) return error_response(400, kNoImage);
  if (image->body.empty() && !image->file_name.empty())
    return error_response(400, "the image '" + image->file_name + "' is empty: it has no bytes");
  return read_image(codec, limits, image->body);
}

// Base64, as it is or behind a data URL's head ("data:image/png;base64,").
Read read_base64(const ModelCodec& codec, const Limits& limits, std::string_view text) {
  if (text.starts_with("data:")) text.remove_prefix(std::min(text.size(), text.find(',') + 1));
  const Result<std::string> image = decode_base64(text);
  if (!image) return error_response(400, "\"image\" must be a JPEG or PNG as base64: " + image.error().message);
  return read_image(codec, limits, *image);
}

// {"x": float32[?,4], "mask": bool[?]}, for messages.
std::string describe_inputs(const ModelCodec& codec) {
  std::string text;
  for (const engine::ValueInfo& input : codec.inputs()) {
    text += (text.empty() ? "'" : ", '") + input.name + "' " + engine::describe(input);
  }
  return text;
}

Result<std::vector<NamedTensor>> read_inputs(const ModelCodec& codec, const Json& inputs) {
  if (!inputs.is_object()) {
    return Error{Code::kInvalid,
                 "\"inputs\" must be an object {name: nested numbers}; the inputs are " + describe_inputs(codec)};
  }
  std::vector<NamedTensor> tensors;
  for (const auto& [name, values] : inputs.as_object()) {
    const auto info = std::ranges::find(codec.inputs(), name, &engine::ValueInfo::name);
    if (info == codec.inputs().end()) {
      return Error{Code::kInvalid, "the model has no input '" + name + "'; the inputs are " + describe_inputs(codec)};
    }
    ASSIGN_OR_RETURN(Tensor tensor, json_to_tensor(values, info->dtype, name));
    tensors.push_back({name, std::move(tensor)});
  }
  return tensors;
}

Read read_tensors(const ModelCodec& codec, const Json& inputs) {
  Result<std::vector<NamedTensor>> tensors = read_inputs(codec, inputs);
  if (!tensors) return error_response(tensors.error());
  return ask(std::move(*tensors), &answer_tensors);
}

Read read_json(const ModelCodec& codec, const Limits& limits, const HttpRequest& request) {
  if (request.body.empty()) return error_response(400, "the body is empty; send {\"inputs\": {name: nested numbers}}");
  const InputKind kind = codec.card().input.kind;
  // An image in JSON is a string: it takes no more than its bytes.
  const std::size_t image_text = limits.max_image_bytes / 3 * 4 + kMultipartOverheadBytes;
  const std::size_t most =
      kind == InputKind::kImage ? std::max(limits.max_json_bytes, image_text) : limits.max_json_bytes;
  const Result<Json> body = Json::parse(request.body, {.max_bytes = most});
  if (!body) return error_response(body.error());
  if (const Json* inputs = body->find("inputs"); inputs != nullptr) {
    if (request.body.size() <= limits.max_json_bytes) return read_tensors(codec, *inputs);
    return error_response(413, "the JSON is over the limit of " + std::to_string(limits.max_json_bytes) + " bytes");
  }
  const Json* image = body->find("image");
  if (image != nullptr && image->is_string() && kind == InputKind::kImage)
    return read_base64(codec, limits, image->as_string());
  const Json* record = body->find("record");
  const bool takes_records = kind == InputKind::kRecord && body->is_object();
  if (record == nullptr && !takes_records) {
    return error_response(400, "the JSON body must be {\"inputs\": {name: nested numbers}}" +
                                   std::string(kind == InputKind::kImage ? " or {\"image\": base64}" : "") +
                                   "; the inputs are " + describe_inputs(codec));
  }
  Result<NamedTensor> input = codec.record_input(record != nullptr ? *record : *body);
  if (!input) return error_response(input.error());
  return ask_one(std::move(*input));
}

// The media type that a body without one shows by its first bytes.
std::string_view sniff(std::string_view body) {
  if (body.starts_with("\xFF\xD8\xFF") || body.starts_with("\x89PNG")) return "image/*";
  return body.starts_with('{') ? "application/json" : "";
}

}  // namespace

std::variant<Question, HttpResponse> read_predict(const ServedModel& model, const HttpRequest& request,
                                                  const Limits& limits) {
  const ModelCodec& codec = model.codec();
  const std::string given = os::media_type(request.headers.get("Content-Type"));
  const bool unsaid = given.empty() || given == "application/octet-stream";
  const std::string type = unsaid ? std::string(sniff(request.body)) : given;
  if (type == "multipart/form-data") return read_multipart(codec, limits, request);
  if (type.starts_with("image/")) return read_image(codec, limits, request.body);
  if (type == "application/json") return read_json(codec, limits, request);
  if (request.body.empty()) {
    const bool wants_image = codec.card().input.kind == InputKind::kImage;
    return error_response(400, wants_image ? std::string(kNoImage) : "the body is empty; " + std::string(kForms));
  }
  return error_response(
      415, (given.empty() ? "the body has no Content-Type; " : "Content-Type " + given + " is not understood; ") +
               std::string(kForms));
}

const Protocol kPredictProtocol = {.kind = ProtocolKind::kPredict,
                                   .read = &read_predict,
                                   .refuse = [](const Error& error) { return error_response(error); }};

}  // namespace arete::serve
