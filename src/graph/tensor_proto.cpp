#include "graph/tensor_proto.h"

#include <charconv>
#include <cstring>
#include <vector>

#include "core/external_location.h"

namespace arete::graph {
namespace {

// Moves typed elements (int32_data and its like) into packed bytes, narrowing each to the dtype.
template <class Element, class Field>
void pack(const Field& field, std::span<std::byte> to) {
  for (int i = 0; i < field.size(); ++i) {
    const auto element = static_cast<Element>(field.Get(i));
    std::memcpy(to.data() + static_cast<std::size_t>(i) * sizeof(Element), &element, sizeof(Element));
  }
}

Error wrong_count(const Shape& shape, std::int64_t wanted, std::int64_t got) {
  return {Code::kInvalid, "shape " + arete::to_string(shape) + " needs " + std::to_string(wanted) +
                              " elements, the file has " + std::to_string(got)};
}

// Six-bit floats stand one an int32, and are packed four in three bytes.
void pack_six_bits(const onnx::TensorProto& proto, std::span<std::byte> to) {
  for (int i = 0; i < proto.int32_data_size(); ++i) {
    const unsigned bits = static_cast<unsigned>(proto.int32_data(i)) & 0x3FU;
    const std::size_t at = static_cast<std::size_t>(i) * 6;
    to[at / 8] |= static_cast<std::byte>(bits << (at % 8));
    if (at % 8 > 2) to[at / 8 + 1] |= static_cast<std::byte>(bits >> (8 - at % 8));
  }
}

// How many entries the int32_data field must have: sub-byte types are packed bytewise there.
std::int64_t int32_entries(DType dtype, std::int64_t count) {
  const int bits = bits_of(dtype);
  return bits >= 8 || bits == 6 ? count : static_cast<std::int64_t>(packed_bytes(dtype, count));
}

Result<Tensor> from_int32_data(const onnx::TensorProto& proto, DType dtype, Shape shape, std::int64_t count) {
  const std::int64_t wanted = int32_entries(dtype, count);
  if (proto.int32_data_size() != wanted) return wrong_count(shape, wanted, proto.int32_data_size());
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  const std::span<std::byte> to = tensor.mutable_bytes();
  if (bits_of(dtype) == 32) {
    pack<std::int32_t>(proto.int32_data(), to);
  } else if (bits_of(dtype) == 16) {
    pack<std::uint16_t>(proto.int32_data(), to);
  } else if (bits_of(dtype) == 6) {
    pack_six_bits(proto, to);
  } else {
    pack<std::uint8_t>(proto.int32_data(), to);
  }
  return tensor;
}

template <class Element, class Field>
Result<Tensor> from_field(const Field& field, DType dtype, Shape shape, std::int64_t count, int per_element) {
  if (field.size() != count * per_element) return wrong_count(shape, count * per_element, field.size());
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  pack<Element>(field, tensor.mutable_bytes());
  return tensor;
}

Result<Tensor> from_typed_data(const onnx::TensorProto& proto, DType dtype, Shape shape, std::int64_t count) {
  switch (dtype) {
    case DType::kFloat32:
      return from_field<float>(proto.float_data(), dtype, std::move(shape), count, 1);
    case DType::kComplex64:
      return from_field<float>(proto.float_data(), dtype, std::move(shape), count, 2);
    case DType::kFloat64:
      return from_field<double>(proto.double_data(), dtype, std::move(shape), count, 1);
    case DType::kComplex128:
      return from_field<double>(proto.double_data(), dtype, std::move(shape), count, 2);
    case DType::kInt64:
      return from_field<std::int64_t>(proto.int64_data(), dtype, std::move(shape), count, 1);
    case DType::kUint64:
      return from_field<std::uint64_t>(proto.uint64_data(), dtype, std::move(shape), count, 1);
    case DType::kUint32:
      return from_field<std::uint32_t>(proto.uint64_data(), dtype, std::move(shape), count, 1);
    default:
      return from_int32_data(proto, dtype, std::move(shape), count);
  }
}

Result<Tensor> from_strings(onnx::TensorProto& proto, Shape shape) {
  std::vector<std::string> values;
  for (std::string& value : *proto.mutable_string_data()) values.push_back(std::move(value));
  return Tensor::of_strings(std::move(shape), std::move(values));
}

Result<std::uint64_t> parse_number(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return Error{Code::kInvalid, "external data: " + key + " '" + text + "' is no number"};
  }
  return value;
}

Result<Tensor> from_external(const onnx::TensorProto& proto, DType dtype, Shape shape, const ReadOptions& options) {
  ASSIGN_OR_RETURN(const ExternalPlace place, external_place(proto));
  if (!options.load_external) {
    return Error{Code::kInvalid,
                 "its data lies in '" + place.location + "', but this model was not read from a folder"};
  }
  ASSIGN_OR_RETURN(SharedBytes file, options.load_external(place.location));
  ASSIGN_OR_RETURN(const std::size_t wanted, tensor_bytes(dtype, shape));
  if (place.length.value_or(wanted) != wanted || place.offset > file.view.size() ||
      wanted > file.view.size() - place.offset) {
    return Error{Code::kInvalid, "its data (" + std::to_string(wanted) + " bytes at " + std::to_string(place.offset) +
                                     ") does not fit '" + place.location + "' of " + std::to_string(file.view.size()) +
                                     " bytes"};
  }
  file.view = file.view.subspan(place.offset, wanted);
  return Tensor::wrap(dtype, std::move(shape), std::move(file));
}

Result<Tensor> from_raw(onnx::TensorProto& proto, DType dtype, Shape shape) {
  std::string raw = std::move(*proto.mutable_raw_data());
  if (dtype == DType::kString) return Error{Code::kInvalid, "strings cannot be raw data"};
  return Tensor::wrap(dtype, std::move(shape), share_bytes(std::move(raw)));
}

void clear_content(onnx::TensorProto& proto) {
  proto.clear_dims();
  proto.clear_data_type();
  proto.clear_raw_data();
  proto.clear_float_data();
  proto.clear_double_data();
  proto.clear_int32_data();
  proto.clear_int64_data();
  proto.clear_uint64_data();
  proto.clear_string_data();
  proto.clear_external_data();
  proto.clear_data_location();
}

void start_proto(const Tensor& tensor, onnx::TensorProto& proto) {
  for (const std::int64_t size : tensor.shape()) proto.add_dims(size);
  proto.set_data_type(static_cast<int>(tensor.dtype()));
}

void add_external(onnx::TensorProto& proto, const std::string& key, const std::string& value) {
  auto* entry = proto.add_external_data();
  entry->set_key(key);
  entry->set_value(value);
}

}  // namespace

Result<ExternalPlace> external_place(const onnx::TensorProto& proto) {
  ExternalPlace place;
  place.location = external_location(proto);
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "offset") {
      ASSIGN_OR_RETURN(place.offset, parse_number("offset", entry.value()));
    }
    if (entry.key() == "length") {
      ASSIGN_OR_RETURN(const std::uint64_t length, parse_number("length", entry.value()));
      place.length = length;
    }
  }
  RETURN_IF_ERROR(check_external_location(place.location));
  return place;
}

std::string external_location(const onnx::TensorProto& proto) {
  std::string location;
  if (proto.data_location() != onnx::TensorProto::EXTERNAL) return location;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
  }
  return location;
}

Result<Tensor> tensor_from_proto(onnx::TensorProto& proto, const ReadOptions& options, std::string& extra) {
  if (proto.has_segment()) return Error{Code::kUnsupported, "it is stored in segments"};
  const std::optional<DType> dtype = dtype_from_onnx(proto.data_type());
  if (!dtype) return Error{Code::kUnsupported, "element type " + std::to_string(proto.data_type()) + " is unknown"};
  Shape shape(proto.dims().begin(), proto.dims().end());
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  const bool external = proto.data_location() == onnx::TensorProto::EXTERNAL;
  Result<Tensor> tensor = external                   ? from_external(proto, *dtype, std::move(shape), options)
                          : *dtype == DType::kString ? from_strings(proto, std::move(shape))
                          : proto.has_raw_data()     ? from_raw(proto, *dtype, std::move(shape))
                                                     : from_typed_data(proto, *dtype, std::move(shape), count);
  if (!tensor) return tensor;
  clear_content(proto);
  extra = proto.SerializeAsString();
  return tensor;
}

void tensor_to_proto(const Tensor& tensor, onnx::TensorProto& proto) {
  start_proto(tensor, proto);
  if (tensor.dtype() == DType::kString) {
    for (const std::string& value : tensor.strings()) proto.add_string_data(value);
    return;
  }
  proto.set_raw_data(tensor.bytes().data(), tensor.size_bytes());
}

void tensor_to_external_proto(const Tensor& tensor, const std::string& location, std::uint64_t offset,
                              onnx::TensorProto& proto) {
  start_proto(tensor, proto);
  proto.set_data_location(onnx::TensorProto::EXTERNAL);
  add_external(proto, "location", location);
  add_external(proto, "offset", std::to_string(offset));
  add_external(proto, "length", std::to_string(tensor.size_bytes()));
}

}  // namespace arete::graph
