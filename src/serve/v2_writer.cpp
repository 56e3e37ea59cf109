#include "serve/v2_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "core/json.h"

namespace arete::serve {
namespace {

constexpr std::size_t kNumberBytes = 32;
constexpr std::size_t kGuessBytesANumber = 12;
constexpr std::size_t kGuessBytesAMessage = 320;  // without long lists of numbers

template <class T>
void append_number(std::string& out, T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
  }
  std::array<char, kNumberBytes> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

template <class T>
void append_packed(std::string& out, const Tensor& tensor) {
  const std::byte* from = tensor.bytes().data();
  for (std::int64_t i = 0; i < tensor.size(); ++i, from += sizeof(T)) {
    T value;
    std::memcpy(&value, from, sizeof(T));  // wrapped bytes may be unaligned
    if (i != 0) out += ',';
    if constexpr (std::is_same_v<T, bool>) {
      out += value ? "true" : "false";
    } else {
      append_number(out, value);
    }
  }
}

void append_strings(std::string& out, const Tensor& tensor) {
  bool first = true;
  for (const std::string& text : tensor.strings()) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, text);
  }
}

struct Row {
  DType dtype;
  void (*append)(std::string& out, const Tensor& tensor);
};

constexpr std::array<Row, 12> kRows = {{{DType::kBool, &append_packed<bool>},
                                        {DType::kUint8, &append_packed<std::uint8_t>},
                                        {DType::kUint16, &append_packed<std::uint16_t>},
                                        {DType::kUint32, &append_packed<std::uint32_t>},
                                        {DType::kUint64, &append_packed<std::uint64_t>},
                                        {DType::kInt8, &append_packed<std::int8_t>},
                                        {DType::kInt16, &append_packed<std::int16_t>},
                                        {DType::kInt32, &append_packed<std::int32_t>},
                                        {DType::kInt64, &append_packed<std::int64_t>},
                                        {DType::kFloat32, &append_packed<float>},
                                        {DType::kFloat64, &append_packed<double>},
                                        {DType::kString, &append_strings}}};

// ---- Classes: "value:index[:label]" of the k highest ----

std::string class_text(double value, std::size_t index, const std::vector<std::string>& labels) {
  std::string text;
  append_number(text, static_cast<float>(value));
  text += ":" + std::to_string(index);
  if (index < labels.size()) text += ":" + labels[index];
  return text;
}

Result<Tensor> classes_of_output(const ModelCodec& codec, const V2Output& wanted, const Tensor& output) {
  Result<std::vector<double>> values = to_doubles(output);
  if (!values || output.shape().empty() || output.shape().back() == 0) {
    return Error{Code::kUnsupported,
                 "the output '" + codec.outputs()[wanted.index].name + "' is " + describe(output) + ": no classes"};
  }
  const auto classes = static_cast<std::size_t>(output.shape().back());
  const std::size_t rows = values->size() / classes;
  const std::size_t most = std::min(classes, static_cast<std::size_t>(wanted.classes));
  // Labels are the first output's.
  const std::vector<std::string> none;
  const std::vector<std::string>& labels = wanted.index == 0 ? codec.card().output.labels : none;
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const double> scores(values->data() + row * classes, classes);
    std::vector<std::size_t> order(classes);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto higher = [&](std::size_t a, std::size_t b) {
      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
    };
    std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(most), higher);
    for (std::size_t i = 0; i < most; ++i) texts.push_back(class_text(scores[order[i]], order[i], labels));
  }
  Shape shape(output.shape().begin(), output.shape().end() - 1);
  shape.push_back(static_cast<std::int64_t>(most));
  return Tensor::of_strings(std::move(shape), std::move(texts));
}

// ---- The message ----

void append_shape(std::string& out, const Shape& shape) {
  out += '[';
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != 0) out += ',';
    append_number(out, shape[i]);
  }
  out += ']';
}

std::size_t binary_size(const Tensor& tensor) {
  if (tensor.dtype() != DType::kString) return tensor.size_bytes();
  std::size_t bytes = 0;
  for (const std::string& text : tensor.strings()) bytes += text.size() + sizeof(std::uint32_t);
  return bytes;
}

Status append_output(std::string& out, const std::string& name, const Tensor& tensor, bool binary) {
  out += R"({"name":)";
  append_json_string(out, name);
  out.append(R"(,"datatype":")").append(v2_name(tensor.dtype())).append(R"(","shape":)");
  append_shape(out, tensor.shape());
  if (binary) {
    out += R"(,"parameters":{"binary_data_size":)";
    append_number(out, binary_size(tensor));
    out += "}}";
    return {};
  }
  out += R"(,"data":)";
  if (const Status status = append_flat_json(out, tensor); !status)
    return with_context(status.error(), "output '" + name + "'");
  out += '}';
  return {};
}

}  // namespace

Result<Tensor> v2_output(const ModelCodec& codec, const V2Output& wanted, const std::vector<Tensor>& outputs) {
  const Tensor& tensor = outputs.at(wanted.index);
  if (wanted.classes > 0) return classes_of_output(codec, wanted, tensor);
  if (!v2_name(tensor.dtype()).empty()) return tensor;
  return Error{Code::kUnsupported, "the output '" + codec.outputs()[wanted.index].name + "' is of " +
                                       std::string(name_of(tensor.dtype())) + ", which the protocol has no name for"};
}

void append_packed_bytes(std::string& out, const Tensor& tensor) {
  if (tensor.dtype() != DType::kString) {
    out.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.size_bytes());
    return;
  }
  for (const std::string& text : tensor.strings()) append_packed_text(out, text);
}

void append_packed_text(std::string& out, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::array<char, sizeof(size)> head;
  std::memcpy(head.data(), &size, sizeof(size));
  out.append(head.data(), head.size()).append(text);
}

Status append_flat_json(std::string& out, const Tensor& tensor) {
  const auto row = std::ranges::find(kRows, tensor.dtype(), &Row::dtype);
  if (row == kRows.end()) {
    return Error{Code::kUnsupported, std::string(v2_name(tensor.dtype())) +
                                         " has no form in JSON; ask for it as binary data (parameter binary_data)"};
  }
  if (tensor.dtype() == DType::kString && !std::ranges::all_of(tensor.strings(), is_utf8)) {
    return Error{Code::kUnsupported,
                 "not all of these bytes are UTF-8 text, and JSON holds nothing else; ask for them "
                 "as binary data (parameter binary_data)"};
  }
  out.reserve(out.size() + static_cast<std::size_t>(tensor.size()) * kGuessBytesANumber);
  out += '[';
  row->append(out, tensor);
  out += ']';
  return {};
}

Result<os::HttpResponse> write_v2_response(const ModelCodec& codec, std::string_view version, const V2Request& request,
                                           const std::vector<Tensor>& outputs) {
  os::HttpResponse response;
  std::string& body = response.body;
  body.reserve(kGuessBytesAMessage);
  body += R"({"model_name":)";
  append_json_string(body, codec.name());
  body += R"(,"model_version":)";
  append_json_string(body, version);
  if (!request.id.empty()) {
    body += R"(,"id":)";
    append_json_string(body, request.id);
  }
  body += R"(,"outputs":[)";
  std::vector<Tensor> binaries;
  for (std::size_t i = 0; i < request.outputs.size(); ++i) {
    const V2Output& wanted = request.outputs[i];
    ASSIGN_OR_RETURN(Tensor tensor, v2_output(codec, wanted, outputs));
    if (i != 0) body += ',';
    RETURN_IF_ERROR(append_output(body, codec.outputs()[wanted.index].name, tensor, wanted.binary));
    if (wanted.binary) binaries.push_back(std::move(tensor));
  }
  body += "]}";
  if (binaries.empty()) return response;
  response.content_type = "application/octet-stream";
  response.headers.add(std::string(kJsonLengthHeader), std::to_string(body.size()));
  for (const Tensor& tensor : binaries) append_packed_bytes(body, tensor);
  return response;
}

}  // namespace arete::serve
