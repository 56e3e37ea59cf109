#include "core/model_card.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace arete {
namespace {

template <class Enum>
struct NameRow {
  Enum value;
  std::string_view name;
};

constexpr std::array<NameRow<InputKind>, 3> kInputKinds = {
    {{InputKind::kTensor, "tensor"}, {InputKind::kImage, "image"}, {InputKind::kRecord, "record"}}};
constexpr std::array<NameRow<PixelLayout>, 2> kLayouts = {{{PixelLayout::kNchw, "NCHW"}, {PixelLayout::kNhwc, "NHWC"}}};
constexpr std::array<NameRow<Orientation>, 2> kOrientations = {
    {{Orientation::kExif, "exif"}, {Orientation::kIgnore, "ignore"}}};
constexpr std::array<NameRow<ResizeFilter>, 4> kResizeFilters = {{{ResizeFilter::kBilinear, "bilinear"},
                                                                  {ResizeFilter::kBicubic, "bicubic"},
                                                                  {ResizeFilter::kLanczos, "lanczos"},
                                                                  {ResizeFilter::kNearest, "nearest"}}};
constexpr std::array<NameRow<DecodeMode>, 2> kDecodeModes = {
    {{DecodeMode::kExact, "exact"}, {DecodeMode::kScaled, "scaled"}}};
constexpr std::array<NameRow<OutputKind>, 2> kOutputKinds = {
    {{OutputKind::kTensor, "tensor"}, {OutputKind::kClassification, "classification"}}};
constexpr std::array<NameRow<Activation>, 3> kActivations = {
    {{Activation::kNone, "none"}, {Activation::kSoftmax, "softmax"}, {Activation::kSigmoid, "sigmoid"}}};

template <class Enum, std::size_t N>
std::string_view name_in(const std::array<NameRow<Enum>, N>& rows, Enum value) {
  return rows[static_cast<std::size_t>(value)].name;
}

// Reads an optional enum member; the error lists what would be right.
template <class Enum, std::size_t N>
Status read_enum(const Json& json, std::string_view key, const std::array<NameRow<Enum>, N>& rows, Enum& into) {
  const Json* member = json.find(key);
  if (member == nullptr) return {};
  std::string choices;
  for (const auto& row : rows) {
    if (member->is_string() && member->as_string() == row.name) {
      into = row.value;
      return {};
    }
    choices += (choices.empty() ? "" : ", ") + std::string(row.name);
  }
  return Error{Code::kInvalid, "card: \"" + std::string(key) + "\" must be one of " + choices};
}

Status read_side(const Json& json, std::string_view key, int& into) {
  const Json* member = json.find(key);
  if (member == nullptr) return {};
  if (!member->is_integer() || member->as_int64() < 1 || member->as_int64() > kMaxCardImageSide) {
    return Error{Code::kInvalid, "card: \"" + std::string(key) + "\" must be an integer from 1 to " +
                                     std::to_string(kMaxCardImageSide)};
  }
  into = static_cast<int>(member->as_int64());
  return {};
}

Status read_channels(const Json& json, std::string_view key, std::vector<float>& into) {
  const Json* member = json.find(key);
  if (member == nullptr) return {};
  const Error wrong{Code::kInvalid,
                    "card: \"" + std::string(key) + "\" must be a list of 1 or 3 numbers, one a channel"};
  if (!member->is_array()) return wrong;
  for (const Json& item : member->as_array()) {
    if (!item.is_number()) return wrong;
    into.push_back(static_cast<float>(item.as_double()));
    if (!std::isfinite(into.back()))
      return Error{Code::kInvalid, "card: \"" + std::string(key) + "\" holds a number that is no 32-bit float"};
  }
  if (into.size() != 1 && into.size() != 3) return wrong;
  return {};
}

Status read_crop(const Json& json, InputCard& input) {
  const Json* crop = json.find("crop");
  if (crop == nullptr) return {};
  if (!crop->is_object() || crop->find("resize") == nullptr) {
    return Error{Code::kInvalid,
                 R"(card: "crop" must be an object {"resize": PIXELS}, the shorter side before the cut)"};
  }
  return read_side(*crop, "resize", input.crop_resize);
}

Result<RecordField> read_field(const Json& json) {
  RecordField field;
  if (json.is_string()) {
    field.name = json.as_string();
    return field;
  }
  Result<std::string> name = json.get_string("name");
  if (!name) return with_context(std::move(name).error(), "card: field");
  field.name = *name;
  if (const Json* value = json.find("default"); value != nullptr) {
    if (!value->is_number())
      return Error{Code::kInvalid, "card: the default of field \"" + field.name + "\" must be a number"};
    field.has_default = true;
    field.default_value = value->as_double();
  }
  return field;
}

Status check_image(const InputCard& input) {
  if (input.width == 0 || input.height == 0)
    return Error{Code::kInvalid, "card: an image input needs \"width\" and \"height\""};
  if (input.crop_resize != 0 && input.crop_resize < std::max(input.width, input.height)) {
    return Error{Code::kInvalid, "card: \"crop\": \"resize\" must be at least \"width\" and \"height\""};
  }
  if (input.mean.size() != input.std.size())
    return Error{Code::kInvalid, "card: \"mean\" and \"std\" must have the same length"};
  for (const float deviation : input.std) {
    if (!(deviation != 0.0F)) return Error{Code::kInvalid, "card: \"std\" must not be 0"};
  }
  return {};
}

Result<InputCard> parse_input(const Json& json) {
  if (!json.is_object()) return Error{Code::kInvalid, "card: \"input\" must be an object"};
  InputCard input;
  RETURN_IF_ERROR(read_enum(json, "kind", kInputKinds, input.kind));
  RETURN_IF_ERROR(read_side(json, "width", input.width));
  RETURN_IF_ERROR(read_side(json, "height", input.height));
  RETURN_IF_ERROR(read_channels(json, "mean", input.mean));
  RETURN_IF_ERROR(read_channels(json, "std", input.std));
  RETURN_IF_ERROR(read_enum(json, "layout", kLayouts, input.layout));
  RETURN_IF_ERROR(read_enum(json, "orientation", kOrientations, input.orientation));
  RETURN_IF_ERROR(read_enum(json, "resize", kResizeFilters, input.resize));
  RETURN_IF_ERROR(read_crop(json, input));
  RETURN_IF_ERROR(read_enum(json, "decode", kDecodeModes, input.decode));
  if (const Json* fields = json.find("fields"); fields != nullptr) {
    if (!fields->is_array()) return Error{Code::kInvalid, "card: \"fields\" must be a list"};
    for (const Json& item : fields->as_array()) {
      ASSIGN_OR_RETURN(RecordField field, read_field(item));
      input.fields.push_back(std::move(field));
    }
  }
  if (input.kind == InputKind::kImage) {
    if (input.mean.empty() && input.std.empty()) set_default_normalisation(input, 3);
    RETURN_IF_ERROR(check_image(input));
  }
  if (input.kind == InputKind::kRecord && input.fields.empty()) {
    return Error{Code::kInvalid, "card: a record input needs \"fields\""};
  }
  return input;
}

Result<OutputCard> parse_output(const Json& json) {
  if (!json.is_object()) return Error{Code::kInvalid, "card: \"output\" must be an object"};
  OutputCard output;
  RETURN_IF_ERROR(read_enum(json, "kind", kOutputKinds, output.kind));
  RETURN_IF_ERROR(read_enum(json, "activation", kActivations, output.activation));
  if (const Json* labels = json.find("labels"); labels != nullptr) {
    if (!labels->is_array() || labels->as_array().size() > kMaxCardLabels) {
      return Error{Code::kInvalid, "card: \"labels\" must be a list of at most 1000000 strings"};
    }
    for (const Json& label : labels->as_array()) {
      if (!label.is_string()) return Error{Code::kInvalid, "card: every label must be a string"};
      output.labels.push_back(label.as_string());
    }
  }
  return output;
}

Json numbers(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) {
    // The shortest decimal that is this float: 0.485, not 0.48500001430511475.
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    double shortest = 0;
    std::from_chars(text.data(), end, shortest);
    list.push_back(shortest);
  }
  return list;
}

Json input_to_json(const InputCard& input) {
  Json json = Json::object({{"kind", name_in(kInputKinds, input.kind)}});
  if (input.kind == InputKind::kImage) {
    json.set("width", input.width).set("height", input.height);
    json.set("mean", numbers(input.mean)).set("std", numbers(input.std));
    json.set("layout", name_in(kLayouts, input.layout));
    json.set("orientation", name_in(kOrientations, input.orientation));
    // What is as ever is not written: the card of most models stays short.
    if (input.resize != ResizeFilter::kBilinear) json.set("resize", name_in(kResizeFilters, input.resize));
    if (input.crop_resize != 0) json.set("crop", Json::object({{"resize", input.crop_resize}}));
    if (input.decode != DecodeMode::kExact) json.set("decode", name_in(kDecodeModes, input.decode));
  }
  if (input.kind == InputKind::kRecord) {
    Json fields = Json::array();
    for (const RecordField& field : input.fields) {
      Json item = Json::object({{"name", field.name}});
      if (field.has_default) item.set("default", field.default_value);
      fields.push_back(std::move(item));
    }
    json.set("fields", std::move(fields));
  }
  return json;
}

}  // namespace

void set_default_normalisation(InputCard& input, int channels) {
  if (channels == 3) {
    input.mean = {0.485F, 0.456F, 0.406F};
    input.std = {0.229F, 0.224F, 0.225F};
  } else {
    input.mean.assign(static_cast<std::size_t>(channels), 0.0F);
    input.std.assign(static_cast<std::size_t>(channels), 1.0F);
  }
}

Result<ModelCard> parse_card(const Json& json) {
  if (!json.is_object()) return Error{Code::kInvalid, "card: must be a JSON object with \"input\" and \"output\""};
  ModelCard card;
  if (const Json* input = json.find("input"); input != nullptr) {
    ASSIGN_OR_RETURN(card.input, parse_input(*input));
  }
  if (const Json* output = json.find("output"); output != nullptr) {
    ASSIGN_OR_RETURN(card.output, parse_output(*output));
  }
  return card;
}

Json to_json(const ModelCard& card) {
  Json output = Json::object({{"kind", name_in(kOutputKinds, card.output.kind)}});
  if (card.output.kind == OutputKind::kClassification) {
    output.set("activation", name_in(kActivations, card.output.activation));
    Json labels = Json::array();
    for (const std::string& label : card.output.labels) labels.push_back(label);
    output.set("labels", std::move(labels));
  }
  return Json::object({{"input", input_to_json(card.input)}, {"output", std::move(output)}});
}

namespace {

constexpr std::int64_t kMinSide = 8;  // smaller "images" are more likely something else

bool is_side(std::int64_t size) { return size >= kMinSide && size <= kMaxCardImageSide; }
bool is_channels(std::int64_t size) { return size == 1 || size == 3; }
bool is_real(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat16; }

}  // namespace

std::optional<InputCard> guess_image(DType dtype, const Shape& shape) {
  if (shape.size() != 4 || !(is_real(dtype) || dtype == DType::kUint8)) return std::nullopt;
  const bool channels_first = is_channels(shape[1]) && is_side(shape[2]) && is_side(shape[3]);
  const bool channels_last = is_channels(shape[3]) && is_side(shape[1]) && is_side(shape[2]);
  if (!channels_first && !channels_last) return std::nullopt;
  InputCard card;
  card.kind = InputKind::kImage;
  card.layout = channels_first ? PixelLayout::kNchw : PixelLayout::kNhwc;
  card.height = static_cast<int>(shape[channels_first ? 2 : 1]);
  card.width = static_cast<int>(shape[channels_first ? 3 : 2]);
  set_default_normalisation(card, static_cast<int>(shape[channels_first ? 1 : 3]));
  if (dtype == DType::kUint8) {
    std::ranges::fill(card.mean, 0.0F);
    std::ranges::fill(card.std, 1.0F);
  }
  return card;
}

std::int64_t classes_of(const OutputCard& card, DType dtype, Shape output) {
  if (card.kind != OutputKind::kClassification) return 0;
  output = without_trailing_ones(std::move(output));
  if (output.size() == 2 && output[1] > 1) return output[1];
  const bool one_score = (output.size() == 2 && output[1] == 1) || (output.size() == 1 && std::abs(output[0]) == 1);
  return one_score && is_floating(dtype) ? 2 : 0;
}

Status check_label(std::int64_t label, std::int64_t classes) {
  if (label >= 0 && (classes == 0 || label < classes)) return {};
  if (classes == 0) return Error{Code::kInvalid, "label " + std::to_string(label) + " must not be negative"};
  return Error{Code::kInvalid, "label " + std::to_string(label) + " is out of range, the model has " +
                                   std::to_string(classes) + " classes (0.." + std::to_string(classes - 1) + ")"};
}

Status check_labels(const OutputCard& card, Shape output) {
  const auto labels = static_cast<std::int64_t>(card.labels.size());
  if (card.kind != OutputKind::kClassification || labels == 0) return {};
  output = without_trailing_ones(std::move(output));
  if (output.empty() || output.back() < 0) return {};
  const std::int64_t classes = output.back();
  if (classes == labels || (classes == 1 && labels == 2)) return {};
  return Error{Code::kInvalid, "there are " + std::to_string(labels) + " labels, but the model's output has " +
                                   std::to_string(classes) + " classes"};
}

bool suggests_classes(DType dtype, Shape shape) {
  shape = without_trailing_ones(std::move(shape));
  return is_real(dtype) && shape.size() == 2 && shape[1] > 1;
}

}  // namespace arete
