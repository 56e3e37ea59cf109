#include "serve/v2_reader.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/base64.h"
#include "core/shape.h"
#include "serve/v2_json.h"

namespace arete::serve {
namespace {

constexpr std::size_t kMaxImages = 256;  // in one BYTES tensor
constexpr std::int64_t kMaxClasses = 100000;
constexpr std::size_t kStringLengthBytes = 4;

Error wrong(std::string what) { return {Code::kInvalid, std::move(what)}; }

// The part of the body behind the JSON, taken tensor by tensor.
class BinaryPart {
 public:
  explicit BinaryPart(std::string_view bytes) : bytes_(bytes) {}

  Result<std::string_view> take(std::size_t count, const std::string& where) {
    if (count > bytes_.size()) {
      return wrong(where + " says " + std::to_string(count) + " bytes of binary data, but only " +
                   std::to_string(bytes_.size()) + " are left in the body");
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

// Length and bytes of each element, as the extension packs strings.
Result<std::vector<std::string_view>> split_strings(std::string_view bytes, std::size_t most,
                                                    const std::string& where) {
  std::vector<std::string_view> parts;
  while (!bytes.empty()) {
    std::uint32_t size = 0;
    if (bytes.size() < kStringLengthBytes) return wrong(where + " ends within the length of an element");
    std::memcpy(&size, bytes.data(), sizeof(size));  // little endian, as this machine
    bytes.remove_prefix(kStringLengthBytes);
    if (size > bytes.size()) return wrong(where + " ends within an element of " + std::to_string(size) + " bytes");
    if (parts.size() >= most) return wrong(where + " has more elements than its shape says, " + std::to_string(most));
    parts.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (parts.size() == most) return parts;
  return wrong(where + " has " + std::to_string(parts.size()) + " elements, its shape says " + std::to_string(most));
}

Result<Tensor> packed_tensor(DType dtype, const Shape& shape, std::string_view bytes, const std::string& where) {
  const Result<std::size_t> size = tensor_bytes(dtype, shape);
  if (!size) return with_context(size.error(), where);
  if (*size != bytes.size()) {
    return wrong(where + " has " + std::to_string(bytes.size()) + " bytes of binary data, its shape " +
                 to_string(shape) + " of " + std::string(v2_name(dtype)) + " needs " + std::to_string(*size));
  }
  if (dtype == DType::kBool && std::ranges::any_of(bytes, [](char c) { return static_cast<unsigned char>(c) > 1; })) {
    return wrong(where + " has bytes other than 0 and 1 as BOOL");
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, shape));
  if (!bytes.empty()) std::memcpy(tensor.mutable_bytes().data(), bytes.data(), bytes.size());
  return tensor;
}

// ---- Images in BYTES: one an element ----

bool takes_images(const ModelCodec& codec, std::size_t input) {
  return input == 0 && codec.card().input.kind == InputKind::kImage;
}

Result<Tensor> images_tensor(const ModelCodec& codec, std::span<const std::string_view> images,
                             std::size_t max_image_bytes, const std::string& where) {
  if (images.empty()) return wrong(where + " has no image");
  if (images.size() > kMaxImages)
    return Error{Code::kExhausted, where + " has more than " + std::to_string(kMaxImages) + " images"};
  const auto large =
      std::ranges::find_if(images, [&](std::string_view image) { return image.size() > max_image_bytes; });
  if (large != images.end()) {
    return Error{Code::kExhausted, where + " has an image of " + std::to_string(large->size()) +
                                       " bytes, over the limit of " + std::to_string(max_image_bytes)};
  }
  Result<NamedTensor> rows = codec.image_input(images);
  if (!rows) {
    Error error = with_context(std::move(rows).error(), where);
    // A format that we lack, and what is no image at all, is the client's mistake.
    if (error.code == Code::kUnsupported) error.code = Code::kInvalid;
    return error;
  }
  return std::move(rows->tensor);
}

// In JSON an image is base64.
Result<Tensor> images_from_json(const ModelCodec& codec, const Tensor& texts, std::size_t max_image_bytes,
                                const std::string& where) {
  std::vector<std::string> images;
  for (const std::string& text : texts.strings()) {
    Result<std::string> bytes = decode_base64(text);
    if (!bytes) return with_context(std::move(bytes).error(), where + ", as base64");
    images.push_back(std::move(*bytes));
  }
  const std::vector<std::string_view> views(images.begin(), images.end());
  return images_tensor(codec, views, max_image_bytes, where);
}

Result<Tensor> images_from_binary(const ModelCodec& codec, const Shape& shape, std::string_view bytes,
                                  std::size_t max_image_bytes, const std::string& where) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  ASSIGN_OR_RETURN(const std::vector<std::string_view> images,
                   split_strings(bytes, static_cast<std::size_t>(count), where));
  return images_tensor(codec, images, max_image_bytes, where);
}

Result<Tensor> strings_from_binary(const Shape& shape, std::string_view bytes, const std::string& where) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  ASSIGN_OR_RETURN(const std::vector<std::string_view> parts,
                   split_strings(bytes, static_cast<std::size_t>(count), where));
  return Tensor::of_strings(shape, std::vector<std::string>(parts.begin(), parts.end()));
}

// ---- Inputs ----

Result<Tensor> read_tensor(const ModelCodec& codec, std::size_t index, const V2InputJson& input,
                           std::size_t max_image_bytes) {
  const std::string where = "input '" + input.name + "'";
  const DType dtype = v2_dtype(input.datatype).value_or(DType::kUndefined);
  const engine::ValueInfo& wanted = codec.inputs()[index];
  const bool images = dtype == DType::kString && takes_images(codec, index);
  if (dtype != wanted.dtype && !images) {
    const std::string_view name = v2_name(wanted.dtype);
    return wrong(where + " is of " + input.datatype + ", the model wants " +
                 std::string(name.empty() ? name_of(wanted.dtype) : name));
  }
  if (input.data && images) return images_from_json(codec, *input.data, max_image_bytes, where);
  if (input.data) return *input.data;
  if (!input.packed) return wrong(where + " has no data");
  if (images) return images_from_binary(codec, input.shape, *input.packed, max_image_bytes, where);
  if (dtype == DType::kString) return strings_from_binary(input.shape, *input.packed, where);
  return packed_tensor(dtype, input.shape, *input.packed, where);
}

template <class Values>
Result<std::size_t> index_of(const Values& values, const std::string& name, const char* role) {
  const auto found = std::ranges::find(values, name, &engine::ValueInfo::name);
  if (found != values.end()) return static_cast<std::size_t>(found - values.begin());
  std::string known;
  for (const engine::ValueInfo& value : values) known += (known.empty() ? "'" : ", '") + value.name + "'";
  return wrong("the model has no " + std::string(role) + " '" + name + "'; it has " + known);
}

Status read_inputs(const ModelCodec& codec, const V2RequestJson& message, std::size_t max_image_bytes,
                   V2Request& into) {
  for (const V2InputJson& input : message.inputs) {
    ASSIGN_OR_RETURN(const std::size_t index, index_of(codec.inputs(), input.name, "input"));
    ASSIGN_OR_RETURN(Tensor tensor, read_tensor(codec, index, input, max_image_bytes));
    into.inputs.push_back({input.name, std::move(tensor)});
  }
  return {};
}

// ---- Outputs and parameters ----

Result<V2Output> read_output(const ModelCodec& codec, const V2OutputJson& output, bool binary) {
  ASSIGN_OR_RETURN(const std::size_t index, index_of(codec.outputs(), output.name, "output"));
  V2Output wanted{index, output.parameters.get<bool>("binary_data").value_or(binary), 0};
  if (output.parameters.has("binary_data") && !output.parameters.get<bool>("binary_data"))
    return wrong("the parameter binary_data of output '" + output.name + "' must be true or false");
  if (!output.parameters.has("classification")) return wanted;
  const auto classes = output.parameters.get<std::int64_t>("classification");
  if (!classes || *classes < 0 || *classes > kMaxClasses)
    return wrong("the parameter classification of output '" + output.name + "' must be a number of classes");
  wanted.classes = static_cast<int>(*classes);
  return wanted;
}

Status read_outputs(const ModelCodec& codec, const V2RequestJson& message, bool otherwise, V2Request& into) {
  const bool binary = message.parameters.get<bool>("binary_data_output").value_or(otherwise);
  for (const V2OutputJson& output : message.outputs) {
    ASSIGN_OR_RETURN(V2Output wanted, read_output(codec, output, binary));
    const bool twice = std::ranges::find(into.outputs, wanted.index, &V2Output::index) != into.outputs.end();
    if (twice) return wrong("the output '" + output.name + "' is asked for twice");
    into.outputs.push_back(wanted);
  }
  if (!message.outputs.empty()) return {};
  for (std::size_t i = 0; i < codec.outputs().size(); ++i) into.outputs.push_back({i, binary, 0});
  return {};
}

Status read_schedule(const V2Parameters& parameters, V2Request& into) {
  const auto number = [&](const char* name) -> Result<std::int64_t> {
    if (!parameters.has(name)) return std::int64_t{0};
    const auto value = parameters.get<std::int64_t>(name);
    if (!value || *value < 0) return wrong("the parameter " + std::string(name) + " must be a whole number from 0 on");
    return *value;
  };
  ASSIGN_OR_RETURN(const std::int64_t priority, number("priority"));
  into.priority = static_cast<int>(std::min<std::int64_t>(priority, 1'000'000));
  ASSIGN_OR_RETURN(into.timeout_us, number("timeout"));
  into.timeout_us = std::min<std::int64_t>(into.timeout_us, std::int64_t{86'400'000'000});
  if (parameters.has("sequence_id")) {
    return Error{Code::kUnsupported, "sequences (the parameter sequence_id) are not served here; models keep no state"};
  }
  return {};
}

// ---- Bodies ----

// A body that is one tensor: of the model's only input, whose one unknown size follows from the length.
Result<V2Request> read_raw(const ModelCodec& codec, const os::HttpRequest& request) {
  if (codec.inputs().size() != 1) return wrong("a raw body needs a model with one input; send JSON with binary data");
  const engine::ValueInfo& wanted = codec.inputs().front();
  const std::string where = "the raw body for input '" + wanted.name + "'";
  V2Request read;
  for (std::size_t i = 0; i < codec.outputs().size(); ++i) read.outputs.push_back({i, true, 0});
  if (wanted.dtype == DType::kString) {
    ASSIGN_OR_RETURN(Tensor text, Tensor::of_strings({1}, {request.body}));
    read.inputs.push_back({wanted.name, std::move(text)});
    return read;
  }
  Shape shape = wanted.shape;
  if (!wanted.known_shape) return wrong(where + " has no known shape; send JSON with binary data");
  // The batch axis is one; another unknown size is what the length leaves.
  if (std::ranges::count(shape, -1) == 2 && shape.front() == -1) shape.front() = 1;
  if (std::ranges::count(shape, -1) > 1) return wrong(where + " leaves several sizes open; send JSON with binary data");
  const auto open = std::ranges::find(shape, -1);
  if (open != shape.end()) {
    *open = 1;
    ASSIGN_OR_RETURN(const std::size_t unit, tensor_bytes(wanted.dtype, shape));
    if (unit == 0 || request.body.size() % unit != 0)
      return wrong(where + " has " + std::to_string(request.body.size()) + " bytes, no multiple of " +
                   std::to_string(unit));
    *open = static_cast<std::int64_t>(request.body.size() / unit);
  }
  ASSIGN_OR_RETURN(Tensor tensor, packed_tensor(wanted.dtype, shape, request.body, where));
  read.inputs.push_back({wanted.name, std::move(tensor)});
  return read;
}

// Gives each input that says so its part of the bytes behind the JSON.
Status hand_out(std::string_view bytes, std::vector<V2InputJson>& inputs) {
  BinaryPart binary(bytes);
  for (V2InputJson& input : inputs) {
    const std::string where = "input '" + input.name + "'";
    const auto size = input.parameters.get<std::int64_t>("binary_data_size");
    if (input.parameters.has("binary_data_size") && (!size || *size < 0))
      return wrong("the parameter binary_data_size of " + where + " must be a whole number of bytes");
    if (!size) continue;
    if (input.data) return wrong(where + " has both \"data\" and binary_data_size");
    ASSIGN_OR_RETURN(input.packed, binary.take(static_cast<std::size_t>(*size), where));
  }
  if (binary.left() == 0) return {};
  return wrong("the body has " + std::to_string(binary.left()) + " bytes behind the last input's binary data");
}

// How many bytes of the body are JSON; nothing where the header is not there.
Result<std::optional<std::size_t>> json_length(const os::HttpRequest& request) {
  const std::string_view text = request.headers.get(kJsonLengthHeader);
  if (request.headers.count(kJsonLengthHeader) == 0) return std::optional<std::size_t>();
  std::size_t length = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (failure != std::errc() || end != text.data() + text.size() || request.headers.count(kJsonLengthHeader) > 1)
    return wrong(std::string(kJsonLengthHeader) + " must be one number of bytes, not '" + std::string(text) + "'");
  if (length > request.body.size()) {
    return wrong(std::string(kJsonLengthHeader) + " is " + std::to_string(length) + ", but the body has " +
                 std::to_string(request.body.size()) + " bytes");
  }
  return std::optional(length);
}

}  // namespace

Result<V2Request> read_v2_request(const ModelCodec& codec, const os::HttpRequest& request,
                                  std::size_t max_image_bytes) {
  ASSIGN_OR_RETURN(const std::optional<std::size_t> length, json_length(request));
  if (length == 0) return read_raw(codec, request);
  const std::string_view body = request.body;
  const std::string_view text = body.substr(0, length.value_or(body.size()));
  ASSIGN_OR_RETURN(V2RequestJson json,
                   codec.scratches().with([&](RequestScratch& scratch) { return scratch.parser.parse(text); }));
  RETURN_IF_ERROR(hand_out(length ? body.substr(*length) : std::string_view(), json.inputs));
  return read_v2_message(codec, json, false, max_image_bytes);
}

Result<V2Request> read_v2_message(const ModelCodec& codec, const V2RequestJson& message, bool binary,
                                  std::size_t max_image_bytes) {
  V2Request read;
  read.id = message.id;
  RETURN_IF_ERROR(read_inputs(codec, message, max_image_bytes, read));
  RETURN_IF_ERROR(read_outputs(codec, message, binary, read));
  RETURN_IF_ERROR(read_schedule(message.parameters, read));
  return read;
}

ModelRequest take_question(V2Request& request) {
  ModelRequest question;
  question.inputs = std::move(request.inputs);
  question.timeout_ns = request.timeout_us * 1000;
  // The protocol: 0 is the default, 1 goes first, larger numbers later.
  if (request.priority > 0) question.priority = std::min(request.priority - 1, kPriorities - 1);
  return question;
}

}  // namespace arete::serve
