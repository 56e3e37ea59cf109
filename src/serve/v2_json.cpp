#include "serve/v2_json.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include "core/shape.h"
#include "serve/v2_message.h"

namespace arete::serve {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr std::size_t kLeastCapacity = 64;    // the library refuses smaller ones
constexpr std::size_t kKeptCapacity = 16384;  // of a text whose memory is kept

Error wrong(const std::string& what) { return {Code::kInvalid, what}; }

std::string in_quotes(std::string_view text) { return "'" + std::string(text.substr(0, 80)) + "'"; }

// What the parser gives borrows from it.
Result<element> parse_text(simdjson::dom::parser& parser, std::string_view text) {
  if (text.size() > kMaxV2JsonBytes)
    return Error{Code::kExhausted, "the JSON is over the limit of " + std::to_string(kMaxV2JsonBytes) + " bytes"};
  const std::size_t needed = std::max(text.size(), kLeastCapacity);
  if (parser.capacity() < needed && parser.allocate(needed, kMaxV2Depth))
    return Error{Code::kUnavailable, "not enough memory for this request now"};
  element root;
  const auto failure = parser.parse(text.data(), text.size()).get(root);
  if (!failure) return root;
  if (failure == simdjson::DEPTH_ERROR)
    return Error{Code::kInvalid, "the JSON is nested deeper than " + std::to_string(kMaxV2Depth) + " levels"};
  return Error{Code::kCorrupt, std::string("the body is no JSON: ") + simdjson::error_message(failure)};
}

// What an error is about. Its text is only made for one: most requests have none.
class Place {
 public:
  explicit Place(std::string_view role) : role_(role) {}
  Place(std::string_view role, std::size_t index) : role_(role), index_(index) {}
  void set_name(const std::string& name) { name_ = &name; }

  std::string text() const {
    if (name_ != nullptr && !name_->empty()) return std::string(role_) + " " + in_quotes(*name_);
    return index_ == kNoIndex ? std::string(role_) : std::string(role_) + " " + std::to_string(index_);
  }

 private:
  static constexpr std::size_t kNoIndex = std::numeric_limits<std::size_t>::max();
  std::string_view role_;
  std::size_t index_ = kNoIndex;
  const std::string* name_ = nullptr;  // borrowed
};

// ---- Small members ----

Status read_string(element value, std::string_view what, const Place& place, std::string& into) {
  std::string_view text;
  if (value.get(text)) return wrong(std::string(what) + place.text() + " must be a string");
  into = text;
  return {};
}

Result<V2Parameter> read_parameter(element value, std::string_view name, const Place& place) {
  switch (value.type()) {
    case element_type::BOOL:
      return V2Parameter(bool(value));
    case element_type::INT64:
      return V2Parameter(std::int64_t(value));
    case element_type::DOUBLE:
      return V2Parameter(double(value));
    case element_type::STRING:
      return V2Parameter(std::string(std::string_view(value)));
    default:
      return wrong("the parameter " + in_quotes(name) + " of " + place.text() +
                   " must be a string, a number that fits 64 bits or a boolean");
  }
}

Result<V2Parameters> read_parameters(element value, const Place& place) {
  object members;
  if (value.get(members)) return wrong("the parameters of " + place.text() + " must be an object");
  V2Parameters parameters;
  for (const auto [key, member] : members) {
    if (parameters.values.size() >= kMaxV2Parameters)
      return Error{Code::kExhausted,
                   place.text() + " has more than " + std::to_string(kMaxV2Parameters) + " parameters"};
    ASSIGN_OR_RETURN(V2Parameter parameter, read_parameter(member, key, place));
    parameters.values.emplace_back(std::string(key), std::move(parameter));
  }
  return parameters;
}

Status read_shape(element value, const Place& place, Shape& shape) {
  array sizes;
  if (value.get(sizes)) return wrong("the shape of " + place.text() + " must be a list of sizes");
  shape.clear();
  for (const element size : sizes) {
    std::int64_t number = 0;
    if (size.get(number) || number < 0)
      return wrong("the shape of " + place.text() + " must be whole numbers from 0 on");
    if (shape.size() >= kMaxRank) return wrong("the shape of " + place.text() + " has too many axes");
    shape.push_back(number);
  }
  return {};
}

// ---- Data ----

template <std::integral T>
bool read_element(element value, T& into) {
  if constexpr (std::same_as<T, bool>) {
    if (value.is_bool()) return !value.get(into);
    std::int64_t number = 2;
    if (value.get(number) || (number != 0 && number != 1)) return false;
    into = number == 1;
    return true;
  } else {
    if (value.is_uint64() && !value.is_int64()) {
      const std::uint64_t number = value;
      if (!std::in_range<T>(number)) return false;
      into = static_cast<T>(number);
      return true;
    }
    if (value.is_int64()) {
      const std::int64_t number = value;
      if (!std::in_range<T>(number)) return false;
      into = static_cast<T>(number);
      return true;
    }
    double number = 0;
    if (value.get(number) || number != std::trunc(number)) return false;
    const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (number >= end || number < (std::is_signed_v<T> ? -end : 0.0)) return false;
    into = static_cast<T>(number);
    return true;
  }
}

template <std::floating_point T>
bool read_element(element value, T& into) {
  double number = 0;
  if (value.get(number)) return false;
  into = static_cast<T>(number);
  return std::isfinite(into);
}

bool read_element(element value, std::string& into) {
  std::string_view text;
  if (value.get(text)) return false;
  into = std::string(text);
  return true;
}

// The elements of nested lists, row behind row. The parser has limited the depth.
template <class T>
class Elements {
 public:
  Elements(T* to, std::int64_t count, const Place& place) : to_(to), count_(count), place_(place) {}

  Status read(element value) {
    RETURN_IF_ERROR(read_level(value));
    if (at_ == count_) return {};
    return wrong(place_.text() + " has " + std::to_string(at_) + " elements, its shape says " + std::to_string(count_));
  }

 private:
  Status read_level(element value) {
    array list;
    if (!value.get(list)) {
      for (const element item : list) RETURN_IF_ERROR(read_level(item));
      return {};
    }
    if (at_ >= count_)
      return wrong(place_.text() + " has more elements than its shape says, " + std::to_string(count_));
    if (!read_element(value, to_[at_])) {
      return wrong(place_.text() + ": element " + std::to_string(at_) + " is " + simdjson::minify(value).substr(0, 40) +
                   ", which is none of its datatype");
    }
    ++at_;
    return {};
  }

  T* to_;
  std::int64_t count_;
  const Place& place_;
  std::int64_t at_ = 0;
};

template <class T>
Result<Tensor> read_packed(element value, DType dtype, const Shape& shape, const Place& place) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, shape));
  Elements<T> elements(reinterpret_cast<T*>(tensor.mutable_bytes().data()), tensor.size(), place);
  RETURN_IF_ERROR(elements.read(value));
  return tensor;
}

Result<Tensor> read_texts(element value, const Shape& shape, const Place& place) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  std::vector<std::string> texts(static_cast<std::size_t>(count));
  Elements<std::string> elements(texts.data(), count, place);
  RETURN_IF_ERROR(elements.read(value));
  return Tensor::of_strings(shape, std::move(texts));
}

Result<Tensor> read_data(element value, DType dtype, const Shape& shape, const Place& place) {
  switch (dtype) {
    case DType::kBool:
      return read_packed<bool>(value, dtype, shape, place);
    case DType::kUint8:
      return read_packed<std::uint8_t>(value, dtype, shape, place);
    case DType::kUint16:
      return read_packed<std::uint16_t>(value, dtype, shape, place);
    case DType::kUint32:
      return read_packed<std::uint32_t>(value, dtype, shape, place);
    case DType::kUint64:
      return read_packed<std::uint64_t>(value, dtype, shape, place);
    case DType::kInt8:
      return read_packed<std::int8_t>(value, dtype, shape, place);
    case DType::kInt16:
      return read_packed<std::int16_t>(value, dtype, shape, place);
    case DType::kInt32:
      return read_packed<std::int32_t>(value, dtype, shape, place);
    case DType::kInt64:
      return read_packed<std::int64_t>(value, dtype, shape, place);
    case DType::kFloat32:
      return read_packed<float>(value, dtype, shape, place);
    case DType::kFloat64:
      return read_packed<double>(value, dtype, shape, place);
    case DType::kString:
      return read_texts(value, shape, place);
    default:
      return wrong(place.text() + ": " + std::string(v2_name(dtype)) +
                   " has no form in JSON; send it as binary data (parameter binary_data_size)");
  }
}

// Memory is asked for only when the text is long enough to hold that many elements ("0," each).
Status check_count(const Shape& shape, std::size_t text_bytes, const Place& place) {
  const Result<std::int64_t> count = element_count(shape);
  if (!count) return wrong(place.text() + ": " + count.error().message);
  if (static_cast<std::uint64_t>(*count) <= text_bytes) return {};
  return wrong(place.text() + " has fewer elements than its shape " + to_string(shape) + " says");
}

// ---- Tensors ----

Result<V2InputJson> read_input(element value, std::size_t index, std::size_t text_bytes) {
  Place place("input", index);
  object members;
  if (value.get(members)) return wrong(place.text() + " must be an object");
  V2InputJson input;
  std::optional<element> data;
  bool has_shape = false;
  for (const auto [key, member] : members) {
    if (key == "name") {
      RETURN_IF_ERROR(read_string(member, "the name of ", place, input.name));
      place.set_name(input.name);
    } else if (key == "datatype") {
      RETURN_IF_ERROR(read_string(member, "the datatype of ", place, input.datatype));
    } else if (key == "shape") {
      RETURN_IF_ERROR(read_shape(member, place, input.shape));
      has_shape = true;
    } else if (key == "parameters") {
      ASSIGN_OR_RETURN(input.parameters, read_parameters(member, place));
    } else if (key == "data") {
      data = member;
    }
  }
  if (input.name.empty()) return wrong(place.text() + " has no name");
  if (!has_shape) return wrong(place.text() + " has no shape");
  const std::optional<DType> dtype = v2_dtype(input.datatype);
  if (!dtype)
    return wrong(place.text() + " has the datatype " + in_quotes(input.datatype) +
                 ", which the protocol does not know");
  if (!data) return input;
  RETURN_IF_ERROR(check_count(input.shape, text_bytes, place));
  ASSIGN_OR_RETURN(input.data, read_data(*data, *dtype, input.shape, place));
  return input;
}

Result<V2OutputJson> read_output(element value, std::size_t index) {
  const Place place("output", index);
  object members;
  if (value.get(members)) return wrong(place.text() + " must be an object");
  V2OutputJson output;
  for (const auto [key, member] : members) {
    if (key == "name") {
      RETURN_IF_ERROR(read_string(member, "the name of ", place, output.name));
    } else if (key == "parameters") {
      ASSIGN_OR_RETURN(output.parameters, read_parameters(member, place));
    }
  }
  if (output.name.empty()) return wrong(place.text() + " has no name");
  return output;
}

template <class Item, class Read>
Status read_list(element value, const std::string& what, std::vector<Item>& into, const Read& read) {
  array items;
  if (value.get(items)) return wrong("\"" + what + "\" must be a list");
  for (const element item : items) {
    if (into.size() >= kMaxV2Tensors)
      return Error{Code::kExhausted, "\"" + what + "\" has more than " + std::to_string(kMaxV2Tensors) + " members"};
    ASSIGN_OR_RETURN(Item one, read(item, into.size()));
    into.push_back(std::move(one));
  }
  return {};
}

Result<V2RequestJson> read_request(element root, std::size_t text_bytes) {
  object members;
  if (root.get(members)) return wrong("the request must be an object with \"inputs\"");
  V2RequestJson request;
  bool has_inputs = false;
  for (const auto [key, member] : members) {
    if (key == "id") {
      RETURN_IF_ERROR(read_string(member, "", Place("\"id\""), request.id));
    } else if (key == "parameters") {
      ASSIGN_OR_RETURN(request.parameters, read_parameters(member, Place("the request")));
    } else if (key == "inputs") {
      has_inputs = true;
      RETURN_IF_ERROR(read_list(member, "inputs", request.inputs,
                                [&](element item, std::size_t index) { return read_input(item, index, text_bytes); }));
    } else if (key == "outputs") {
      RETURN_IF_ERROR(read_list(member, "outputs", request.outputs, read_output));
    }
  }
  if (!has_inputs) return wrong("the request has no \"inputs\"");
  return request;
}

}  // namespace

bool V2Parameters::has(std::string_view name) const {
  return std::ranges::any_of(values, [&](const auto& value) { return value.first == name; });
}

struct V2Parser::Kept {
  simdjson::dom::parser parser;
};

V2Parser::V2Parser() : kept_(std::make_unique<Kept>()) {}
V2Parser::~V2Parser() = default;

Result<V2RequestJson> V2Parser::parse(std::string_view text) {
  simdjson::dom::parser large;
  const bool keeps = text.size() <= kKeptCapacity;
  ASSIGN_OR_RETURN(const element root, parse_text(keeps ? kept_->parser : large, text));
  return read_request(root, text.size());
}

Result<V2Parameters> parse_v2_parameters(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return V2Parameters{};
  simdjson::dom::parser parser;
  ASSIGN_OR_RETURN(const element root, parse_text(parser, text));
  object members;
  if (root.get(members)) return wrong("the request must be an object");
  for (const auto [key, member] : members) {
    if (key == "parameters") return read_parameters(member, Place("the request"));
    if (key == "ready") {
      ASSIGN_OR_RETURN(V2Parameter ready, read_parameter(member, "ready", Place("the request")));
      return V2Parameters{{{"ready", std::move(ready)}}};
    }
  }
  return V2Parameters{};
}

}  // namespace arete::serve
