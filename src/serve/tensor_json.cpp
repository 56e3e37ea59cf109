#include "serve/tensor_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace arete::serve {
namespace {

// Where an element stands, for messages; only built when one is needed.
std::string place_of(std::span<const std::size_t> indices) {
  std::string place;
  for (const std::size_t index : indices) place += "[" + std::to_string(index) + "]";
  return place.empty() ? "the value" : place;
}

std::string short_text(const Json& json) {
  std::string text = json.is_array() ? "a list" : json.is_object() ? "an object" : json.dump();
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

Error not_a(const Json& json, DType dtype) {
  std::string why = " is " + short_text(json) + ", no " + std::string(name_of(dtype));
  if (json.is_null()) why += " (JSON has no NaN and no infinity)";
  return {Code::kInvalid, why};
}

Error out_of_range(const Json& json, DType dtype) {
  return {Code::kInvalid, " is " + short_text(json) + ", out of range for " + std::string(name_of(dtype))};
}

// ---- One element: the message begins behind the place ----

template <std::integral T>
Status read_element(const Json& json, T& into) {
  constexpr DType kType = dtype_of<T>();
  if (!json.is_number()) return not_a(json, kType);
  if (json.is_integer()) {
    const bool negative = json.as_double() < 0;
    const bool fits = negative ? std::in_range<T>(json.as_int64()) : std::in_range<T>(json.as_uint64());
    if (!fits) return out_of_range(json, kType);
    into = static_cast<T>(json.as_uint64());
    return {};
  }
  const double value = json.as_double();
  if (value != std::trunc(value)) return not_a(json, kType);
  // Both ends are powers of two, so that they are exact as doubles for 64 bits too.
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (value >= end || value < (std::is_signed_v<T> ? -end : 0.0)) return out_of_range(json, kType);
  into = static_cast<T>(value);
  return {};
}

template <>
Status read_element<bool>(const Json& json, bool& into) {
  const bool zero_or_one = json.is_integer() && json.as_uint64() <= 1;
  if (!json.is_bool() && !zero_or_one) return not_a(json, DType::kBool);
  into = json.is_bool() ? json.as_bool() : json.as_uint64() == 1;
  return {};
}

template <std::floating_point T>
Status read_element(const Json& json, T& into) {
  if (!json.is_number()) return not_a(json, dtype_of<T>());
  into = static_cast<T>(json.as_double());
  if (!std::isfinite(into)) return out_of_range(json, dtype_of<T>());
  return {};
}

struct Half {
  std::uint16_t bits;
};

Status read_element(const Json& json, Half& into) {
  if (!json.is_number()) return not_a(json, DType::kFloat16);
  into.bits = float_to_half(static_cast<float>(json.as_double()));
  if (!std::isfinite(half_to_float(into.bits))) return out_of_range(json, DType::kFloat16);
  return {};
}

Status read_element(const Json& json, std::string& into) {
  if (!json.is_string()) return not_a(json, DType::kString);
  into = json.as_string();
  return {};
}

// ---- Lists ----

// The sizes down the first elements; check_lists says whether the others agree.
Result<Shape> first_shape(const Json& json) {
  Shape shape;
  for (const Json* level = &json; level->is_array(); level = &level->as_array().front()) {
    if (shape.size() == kMaxRank) return Error{Code::kInvalid, " has more than " + std::to_string(kMaxRank) + " axes"};
    shape.push_back(static_cast<std::int64_t>(level->as_array().size()));
    if (level->as_array().empty()) break;
  }
  return shape;
}

// Walks every list before memory is asked for, so that the shape is known to be real.
Status check_lists(const Json& json, const Shape& shape, std::vector<std::size_t>& at) {
  const std::size_t axis = at.size();
  if (axis == shape.size()) {
    if (!json.is_array()) return {};
    return Error{Code::kInvalid, place_of(at) + " is a list where its neighbours are none"};
  }
  if (!json.is_array() || json.as_array().size() != static_cast<std::size_t>(shape[axis])) {
    const std::string got = json.is_array() ? "a list of " + std::to_string(json.as_array().size()) : short_text(json);
    return Error{Code::kInvalid,
                 place_of(at) + " is " + got + ", its neighbours are lists of " + std::to_string(shape[axis])};
  }
  for (std::size_t i = 0; i < json.as_array().size(); ++i) {
    at.push_back(i);
    RETURN_IF_ERROR(check_lists(json.as_array()[i], shape, at));
    at.pop_back();
  }
  return {};
}

template <class T>
struct Filler {
  T* next;
  std::vector<std::size_t> at;

  Status fill(const Json& json, std::size_t axes) {
    if (axes == 0) {
      if (Status status = read_element(json, *next++); !status) {
        return Error{status.error().code, place_of(at) + status.error().message};
      }
      return {};
    }
    at.push_back(0);
    for (const Json& item : json.as_array()) {
      RETURN_IF_ERROR(fill(item, axes - 1));
      ++at.back();
    }
    at.pop_back();
    return {};
  }
};

template <class T>
Result<Tensor> read_packed(const Json& json, DType dtype, Shape shape) {
  const std::size_t axes = shape.size();
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  Filler<T> filler{reinterpret_cast<T*>(tensor.mutable_bytes().data()), {}};
  RETURN_IF_ERROR(filler.fill(json, axes));
  return tensor;
}

Result<Tensor> read_strings(const Json& json, DType /*dtype*/, Shape shape) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  std::vector<std::string> values(static_cast<std::size_t>(count));
  Filler<std::string> filler{values.data(), {}};
  RETURN_IF_ERROR(filler.fill(json, shape.size()));
  return Tensor::of_strings(std::move(shape), std::move(values));
}

// ---- Out ----

template <std::integral T>
Json write_element(T value) {
  if constexpr (std::same_as<T, bool>) return Json(value);
  if constexpr (std::same_as<T, std::uint64_t>) {
    if (!std::in_range<std::int64_t>(value)) return Json(value);
  }
  return Json(static_cast<std::int64_t>(value));
}
Json write_element(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json write_element(float value) { return shortest_number(value); }
Json write_element(Half value) { return write_element(half_to_float(value.bits)); }

template <class T>
Json write_axis(std::span<const std::int64_t> shape, const std::byte*& next) {
  if (shape.empty()) {
    T value;
    std::memcpy(&value, next, sizeof(T));  // wrapped bytes may be unaligned
    next += sizeof(T);
    return write_element(value);
  }
  Json::Array list;
  list.reserve(static_cast<std::size_t>(shape[0]));
  for (std::int64_t i = 0; i < shape[0]; ++i) list.push_back(write_axis<T>(shape.subspan(1), next));
  return list;
}

template <class T>
Result<Json> write_packed(const Tensor& tensor) {
  const std::byte* next = tensor.bytes().data();
  return write_axis<T>(tensor.shape(), next);
}

Json write_string_axis(std::span<const std::int64_t> shape, const std::string*& next) {
  if (shape.empty()) return Json(*next++);
  Json list = Json::array();
  for (std::int64_t i = 0; i < shape[0]; ++i) list.push_back(write_string_axis(shape.subspan(1), next));
  return list;
}

Result<Json> write_strings(const Tensor& tensor) {
  const std::string* next = tensor.strings().data();
  return write_string_axis(tensor.shape(), next);
}

Result<Json> write_bfloat16(const Tensor& tensor) {
  ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(tensor));
  const std::byte* next = reinterpret_cast<const std::byte*>(values.data());
  return write_axis<double>(tensor.shape(), next);
}

// ---- The table of dtypes ----

struct Row {
  DType dtype;
  Result<Tensor> (*read)(const Json&, DType, Shape);
  Result<Json> (*write)(const Tensor&);
};

template <class T>
constexpr Row packed_row(DType dtype) {
  return {dtype, &read_packed<T>, &write_packed<T>};
}

constexpr std::array<Row, 14> kRows = {{
    packed_row<float>(DType::kFloat32),
    packed_row<double>(DType::kFloat64),
    packed_row<Half>(DType::kFloat16),
    packed_row<std::int8_t>(DType::kInt8),
    packed_row<std::int16_t>(DType::kInt16),
    packed_row<std::int32_t>(DType::kInt32),
    packed_row<std::int64_t>(DType::kInt64),
    packed_row<std::uint8_t>(DType::kUint8),
    packed_row<std::uint16_t>(DType::kUint16),
    packed_row<std::uint32_t>(DType::kUint32),
    packed_row<std::uint64_t>(DType::kUint64),
    packed_row<bool>(DType::kBool),
    {DType::kString, &read_strings, &write_strings},
    {DType::kBfloat16, nullptr, &write_bfloat16},
}};

const Row* find_row(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

}  // namespace

Json shortest_number(double value) {
  const float rounded = static_cast<float>(value);
  if (!std::isfinite(rounded)) return Json();
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), rounded).ptr;
  double exact = 0;
  std::from_chars(text.data(), end, exact);
  return exact;
}

Result<Tensor> json_to_tensor(const Json& json, DType dtype, std::string_view name) {
  const std::string context = "input '" + std::string(name) + "'";
  const Row* row = find_row(dtype);
  if (row == nullptr || row->read == nullptr) {
    return Error{Code::kUnsupported, context + ": dtype " + std::string(name_of(dtype)) + " cannot be given as JSON"};
  }
  Result<Shape> shape = first_shape(json);
  if (!shape) return Error{Code::kInvalid, context + shape.error().message};
  std::vector<std::size_t> at;
  if (const Status status = check_lists(json, *shape, at); !status) return with_context(status.error(), context);
  Result<Tensor> tensor = row->read(json, dtype, std::move(*shape));
  if (!tensor) return with_context(std::move(tensor).error(), context);
  return tensor;
}

Result<Json> tensor_to_json(const Tensor& tensor) {
  const Row* row = find_row(tensor.dtype());
  if (row == nullptr)
    return Error{Code::kUnsupported, "dtype " + std::string(name_of(tensor.dtype())) + " cannot be written as JSON"};
  if (tensor.size() > kMaxJsonElements) {
    return Error{Code::kExhausted, describe(tensor) + " has more than the " + std::to_string(kMaxJsonElements) +
                                       " elements that a JSON answer may hold"};
  }
  return row->write(tensor);
}

}  // namespace arete::serve
