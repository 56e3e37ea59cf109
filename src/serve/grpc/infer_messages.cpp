#include "serve/grpc/infer_messages.h"

#include <grpcpp/impl/codegen/config_protobuf.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <optional>
#include <utility>

#include "core/shape.h"
#include "serve/v2_writer.h"

namespace arete::serve {
namespace {

using inference::InferTensorContents;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

Error wrong(std::string what) { return {Code::kInvalid, std::move(what)}; }

std::string in_quotes(const std::string& text) { return "'" + text.substr(0, 80) + "'"; }

Error too_many(const std::string& what, std::size_t most) {
  return {Code::kExhausted, "more than " + std::to_string(most) + " " + what};
}

// ---- Parameters ----

Result<V2Parameter> value_of(const inference::InferParameter& parameter, const std::string& where) {
  switch (parameter.parameter_choice_case()) {
    case inference::InferParameter::kBoolParam:
      return V2Parameter(parameter.bool_param());
    case inference::InferParameter::kInt64Param:
      return V2Parameter(std::int64_t{parameter.int64_param()});
    case inference::InferParameter::kStringParam:
      return V2Parameter(parameter.string_param());
    case inference::InferParameter::kDoubleParam:
      return V2Parameter(parameter.double_param());
    case inference::InferParameter::kUint64Param:
      if (!std::in_range<std::int64_t>(parameter.uint64_param())) return wrong(where + " does not fit 64 bits");
      return V2Parameter(static_cast<std::int64_t>(parameter.uint64_param()));
    case inference::InferParameter::PARAMETER_CHOICE_NOT_SET:
      break;
  }
  return wrong(where + " has no value");
}

Result<V2Parameter> value_of(const inference::ModelRepositoryParameter& parameter, const std::string& where) {
  switch (parameter.parameter_choice_case()) {
    case inference::ModelRepositoryParameter::kBoolParam:
      return V2Parameter(parameter.bool_param());
    case inference::ModelRepositoryParameter::kInt64Param:
      return V2Parameter(std::int64_t{parameter.int64_param()});
    case inference::ModelRepositoryParameter::kStringParam:
      return V2Parameter(parameter.string_param());
    case inference::ModelRepositoryParameter::kBytesParam:
      return V2Parameter(parameter.bytes_param());
    case inference::ModelRepositoryParameter::PARAMETER_CHOICE_NOT_SET:
      break;
  }
  return wrong(where + " has no value");
}

template <class Map>
Result<V2Parameters> values_of(const Map& map, const std::string& where) {
  if (map.size() > kMaxV2Parameters) return too_many("parameters of " + where, kMaxV2Parameters);
  V2Parameters parameters;
  for (const auto& [key, value] : map) {
    ASSIGN_OR_RETURN(V2Parameter read, value_of(value, "the parameter " + in_quotes(key) + " of " + where));
    parameters.values.emplace_back(key, std::move(read));
  }
  return parameters;
}

// ---- Typed contents ----

template <class V>
using Values = google::protobuf::RepeatedField<V>;

std::int64_t all_values(const InferTensorContents& contents) {
  return std::int64_t{contents.bool_contents_size()} + contents.int_contents_size() + contents.int64_contents_size() +
         contents.uint_contents_size() + contents.uint64_contents_size() + contents.fp32_contents_size() +
         contents.fp64_contents_size() + contents.bytes_contents_size();
}

// T is an element; V, which may be wider, what carries it.
template <class T, class V>
Result<Tensor> read_values(const Values<V>& values, const Shape& shape, const std::string& where) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype_of<T>(), shape));
  const std::span<T> to = tensor.mutable_data<T>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const V value = values.Get(static_cast<int>(i));
    if constexpr (!std::same_as<T, V>) {
      if (!std::in_range<T>(value)) {
        return wrong(where + ": element " + std::to_string(i) + " is " + std::to_string(value) +
                     ", which is none of its datatype");
      }
    }
    to[i] = static_cast<T>(value);
  }
  return tensor;
}

template <class T, class V>
void write_values(const Tensor& tensor, Values<V>& values) {
  values.Reserve(static_cast<int>(tensor.size()));
  const std::byte* from = tensor.bytes().data();
  for (std::int64_t i = 0; i < tensor.size(); ++i, from += sizeof(T)) {
    T value;
    std::memcpy(&value, from, sizeof(T));  // wrapped bytes may be unaligned
    values.Add(value);
  }
}

// The member of the contents that holds elements of a dtype.
struct Field {
  DType dtype;
  const char* name;
  std::int64_t (*size)(const InferTensorContents& contents);
  Result<Tensor> (*read)(const InferTensorContents& contents, const Shape& shape, const std::string& where);
  void (*write)(const Tensor& tensor, InferTensorContents& contents);
};

template <class T, class V, const Values<V>& (InferTensorContents::*kGet)() const,
          Values<V>* (InferTensorContents::*kMutable)()>
constexpr Field field(DType dtype, const char* name) {
  return {
      dtype, name, [](const InferTensorContents& contents) { return std::int64_t{(contents.*kGet)().size()}; },
      [](const InferTensorContents& contents, const Shape& shape, const std::string& where) {
        return read_values<T, V>((contents.*kGet)(), shape, where);
      },
      [](const Tensor& tensor, InferTensorContents& contents) { write_values<T, V>(tensor, *(contents.*kMutable)()); }};
}

template <class T>
constexpr auto kIntField =
    &field<T, std::int32_t, &InferTensorContents::int_contents, &InferTensorContents::mutable_int_contents>;
template <class T>
constexpr auto kUintField =
    &field<T, std::uint32_t, &InferTensorContents::uint_contents, &InferTensorContents::mutable_uint_contents>;

const std::array<Field, 11> kFields = {
    {field<bool, bool, &InferTensorContents::bool_contents, &InferTensorContents::mutable_bool_contents>(
         DType::kBool, "bool_contents"),
     kIntField<std::int8_t>(DType::kInt8, "int_contents"), kIntField<std::int16_t>(DType::kInt16, "int_contents"),
     kIntField<std::int32_t>(DType::kInt32, "int_contents"), kUintField<std::uint8_t>(DType::kUint8, "uint_contents"),
     kUintField<std::uint16_t>(DType::kUint16, "uint_contents"),
     kUintField<std::uint32_t>(DType::kUint32, "uint_contents"),
     field<std::int64_t, std::int64_t, &InferTensorContents::int64_contents,
           &InferTensorContents::mutable_int64_contents>(DType::kInt64, "int64_contents"),
     field<std::uint64_t, std::uint64_t, &InferTensorContents::uint64_contents,
           &InferTensorContents::mutable_uint64_contents>(DType::kUint64, "uint64_contents"),
     field<float, float, &InferTensorContents::fp32_contents, &InferTensorContents::mutable_fp32_contents>(
         DType::kFloat32, "fp32_contents"),
     field<double, double, &InferTensorContents::fp64_contents, &InferTensorContents::mutable_fp64_contents>(
         DType::kFloat64, "fp64_contents")}};

const Field* find_field(DType dtype) {
  const auto found = std::ranges::find(kFields, dtype, &Field::dtype);
  return found == kFields.end() ? nullptr : &*found;
}

std::string pack(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += sizeof(std::uint32_t) + text.size();
  std::string packed;
  packed.reserve(bytes);
  for (const std::string& text : texts) append_packed_text(packed, text);
  return packed;
}

// Of a datatype that the protocol knows. Texts are packed, so that a model of images reads them as in raw contents.
Status read_contents(const InferTensorContents& contents, DType dtype, const std::string& where,
                     std::deque<std::string>& kept, V2InputJson& into) {
  const Field* const field = find_field(dtype);
  const bool texts = dtype == DType::kString;
  if (field == nullptr && !texts)
    return wrong(where + ": " + into.datatype + " has no typed contents; send raw_input_contents");
  const std::int64_t size = texts ? std::int64_t{contents.bytes_contents_size()} : field->size(contents);
  if (all_values(contents) != size)
    return wrong(where + " has contents other than " + (texts ? "bytes_contents" : field->name) + ", as " +
                 into.datatype + " wants");
  const Result<std::int64_t> count = element_count(into.shape);
  if (!count) return wrong(where + ": " + count.error().message);
  if (*count != size)
    return wrong(where + " has " + std::to_string(size) + " elements, its shape says " + std::to_string(*count));
  if (texts) {
    into.packed = kept.emplace_back(pack(contents.bytes_contents()));
    return {};
  }
  ASSIGN_OR_RETURN(into.data, field->read(contents, into.shape, where));
  return {};
}

// ---- Requests ----

Result<Shape> read_shape(const Values<std::int64_t>& sizes, const std::string& where) {
  if (static_cast<std::size_t>(sizes.size()) > kMaxRank) return wrong("the shape of " + where + " has too many axes");
  if (std::ranges::any_of(sizes, [](std::int64_t size) { return size < 0; }))
    return wrong("the shape of " + where + " must be whole numbers from 0 on");
  return Shape(sizes.begin(), sizes.end());
}

Result<V2InputJson> read_input(const ModelInferRequest& message, int index, std::deque<std::string>& kept) {
  const ModelInferRequest::InferInputTensor& tensor = message.inputs(index);
  if (tensor.name().empty()) return wrong("input " + std::to_string(index) + " has no name");
  const std::string where = "input " + in_quotes(tensor.name());
  V2InputJson input;
  input.name = tensor.name();
  input.datatype = tensor.datatype();
  const std::optional<DType> dtype = v2_dtype(input.datatype);
  if (!dtype)
    return wrong(where + " has the datatype " + in_quotes(input.datatype) + ", which the protocol does not know");
  ASSIGN_OR_RETURN(input.shape, read_shape(tensor.shape(), where));
  ASSIGN_OR_RETURN(input.parameters, values_of(tensor.parameters(), where));
  if (message.raw_input_contents_size() == 0) {
    RETURN_IF_ERROR(read_contents(tensor.contents(), *dtype, where, kept, input));
    return input;
  }
  if (tensor.has_contents() && all_values(tensor.contents()) > 0)
    return wrong(where + " has contents beside the request's raw_input_contents");
  input.packed = message.raw_input_contents(index);
  return input;
}

Result<V2OutputJson> read_output(const ModelInferRequest::InferRequestedOutputTensor& tensor, int index) {
  if (tensor.name().empty()) return wrong("output " + std::to_string(index) + " has no name");
  V2OutputJson output;
  output.name = tensor.name();
  ASSIGN_OR_RETURN(output.parameters, values_of(tensor.parameters(), "output " + in_quotes(output.name)));
  return output;
}

Status check_counts(const ModelInferRequest& message) {
  if (static_cast<std::size_t>(message.inputs_size()) > kMaxV2Tensors) return too_many("inputs", kMaxV2Tensors);
  if (static_cast<std::size_t>(message.outputs_size()) > kMaxV2Tensors) return too_many("outputs", kMaxV2Tensors);
  const int raw = message.raw_input_contents_size();
  if (raw == 0 || raw == message.inputs_size()) return {};
  return wrong("the request has " + std::to_string(raw) + " raw_input_contents for " +
               std::to_string(message.inputs_size()) + " inputs");
}

// ---- Answers ----

Status write_contents(const Tensor& tensor, const std::string& name, InferTensorContents& into) {
  if (tensor.dtype() == DType::kString) {
    for (const std::string& text : tensor.strings()) into.add_bytes_contents(text);
    return {};
  }
  const Field* const field = find_field(tensor.dtype());
  if (field == nullptr) {
    return Error{Code::kUnsupported, "the output '" + name + "' is of " + std::string(v2_name(tensor.dtype())) +
                                         ", which has no typed contents; leave binary_data_output away"};
  }
  field->write(tensor, into);
  return {};
}

}  // namespace

Result<V2RequestJson> read_message(const ModelInferRequest& message, std::deque<std::string>& kept) {
  RETURN_IF_ERROR(check_counts(message));
  V2RequestJson read;
  read.id = message.id();
  ASSIGN_OR_RETURN(read.parameters, values_of(message.parameters(), "the request"));
  for (int i = 0; i < message.inputs_size(); ++i) {
    ASSIGN_OR_RETURN(V2InputJson input, read_input(message, i, kept));
    read.inputs.push_back(std::move(input));
  }
  for (int i = 0; i < message.outputs_size(); ++i) {
    ASSIGN_OR_RETURN(V2OutputJson output, read_output(message.outputs(i), i));
    read.outputs.push_back(std::move(output));
  }
  return read;
}

Status write_message(const ModelCodec& codec, std::string_view version, const V2Request& request,
                     const std::vector<Tensor>& outputs, ModelInferResponse& into) {
  into.set_model_name(codec.name());
  into.set_model_version(std::string(version));
  into.set_id(request.id);
  const bool raw = std::ranges::any_of(request.outputs, &V2Output::binary);
  for (const V2Output& wanted : request.outputs) {
    const std::string& name = codec.outputs()[wanted.index].name;
    ASSIGN_OR_RETURN(const Tensor tensor, v2_output(codec, wanted, outputs));
    ModelInferResponse::InferOutputTensor& output = *into.add_outputs();
    output.set_name(name);
    output.set_datatype(std::string(v2_name(tensor.dtype())));
    output.mutable_shape()->Assign(tensor.shape().begin(), tensor.shape().end());
    if (raw) {
      append_packed_bytes(*into.add_raw_output_contents(), tensor);
    } else {
      RETURN_IF_ERROR(write_contents(tensor, name, *output.mutable_contents()));
    }
  }
  return {};
}

Result<V2Parameters> read_parameters(
    const google::protobuf::Map<std::string, inference::ModelRepositoryParameter>& parameters) {
  return values_of(parameters, "the request");
}

Status fill(const Json& facts, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // a dtype without a name here
  const auto filled = google::protobuf::util::JsonStringToMessage(facts.dump(), &message, options);
  if (filled.ok()) return {};
  return Error{Code::kBug, "no " + message.GetTypeName() + ": " + filled.ToString()};
}

}  // namespace arete::serve
