#include "graph/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>

#include "graph/proto.h"

namespace arete::graph {
namespace {

// 9 digits tell any two float32 apart, 17 any two float64.
std::string number(double value, int digits = 9) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.*g", digits, value);
  return text.data();
}

// With a point or an exponent, so that it is no integer; a NaN other than the usual one with its bits.
std::string float_text(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value) && bits != 0x7FC00000U) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "nan:%08x", bits);
    return text.data();
  }
  const std::string text = number(static_cast<double>(value));
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

// 64-bit integers as themselves: a double would not hold them all.
template <class T>
std::string integers(const Tensor& tensor) {
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.size()); ++i) {
    T value;  // memcpy: wrapped bytes may be unaligned
    std::memcpy(&value, tensor.bytes().data() + i * sizeof(T), sizeof(T));
    text += (i > 0 ? ", " : "") + std::to_string(value);
  }
  return text;
}

std::string elements(const Tensor& tensor, const std::vector<double>& values) {
  if (tensor.dtype() == DType::kInt64) return integers<std::int64_t>(tensor);
  if (tensor.dtype() == DType::kUint64) return integers<std::uint64_t>(tensor);
  const bool wide = tensor.dtype() == DType::kInt32 || tensor.dtype() == DType::kUint32;
  const int digits = tensor.dtype() == DType::kFloat64 ? 17 : wide ? 10 : 9;
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? ", " : "") + number(values[i], digits);
  return text;
}

// Bytes of the UTF-8 character that begins there; 0 where none does.
std::size_t utf8_length(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  const std::size_t length = byte < 0x80                   ? 1
                             : byte >= 0xC2 && byte < 0xE0 ? 2
                             : byte >= 0xE0 && byte < 0xF0 ? 3
                             : byte >= 0xF0 && byte < 0xF5 ? 4
                                                           : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

// Between double quotes, with \xNN for what does not print and what is no UTF-8.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (std::size_t at = 0, length = 1; at < text.size(); at += length) {
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    length = utf8_length(std::string_view(text).substr(at));
    if (c == '"' || c == '\\') {
      result += std::string("\\") + c;
    } else if (byte >= 0x20 && byte != 0x7F && length > 0) {
      result += text.substr(at, length);
    } else {
      length = 1;
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", byte);
      result += code.data();
    }
  }
  return result + "\"";
}

// Names are printed bare when they are plain, else quoted.
std::string name_text(const std::string& name) {
  const auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' ||
           c == '/' || c == ':';
  };
  return !name.empty() && std::ranges::all_of(name, plain) ? name : quoted(name);
}

// CRC-32C would need a table; FNV-1a is enough to see that two weights differ.
std::string fingerprint(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3ULL;
  std::array<char, 24> code{};
  std::snprintf(code.data(), code.size(), "%016llx", static_cast<unsigned long long>(hash));
  return std::string("fnv1a=") + code.data();
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "x\"";
  text.reserve(bytes.size() * 2 + 3);
  for (const std::byte byte : bytes) {
    text += kDigits[static_cast<std::size_t>(byte) >> 4];
    text += kDigits[static_cast<std::size_t>(byte) & 15U];
  }
  return text + "\"";
}

// A number may not be taken for a size.
std::string dim_text(const Dim& dim) {
  if (dim.size != -1) return std::to_string(dim.size);
  if (dim.name.empty()) return "?";
  const char first = dim.name[0];
  return (first >= '0' && first <= '9') || first == '.' ? quoted(dim.name) : name_text(dim.name);
}

std::string dims_text(const std::vector<Dim>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i > 0 ? "," : "") + dim_text(dims[i]);
  }
  return text + "]";
}

// A point separates domain and operator.
std::string op_text(const Node& node) {
  const std::string op = node.op_type.find('.') == std::string::npos ? name_text(node.op_type) : quoted(node.op_type);
  return node.domain.empty() ? op : name_text(node.domain) + "." + op;
}

// Numbers must give the very bytes again: a NaN says less than it holds, and a bool may be neither 0 nor 1.
bool numbers_tell_all(const Tensor& tensor, const std::vector<double>& values) {
  if (tensor.dtype() == DType::kBool) return std::ranges::all_of(values, [](double v) { return v == 0 || v == 1; });
  return std::ranges::none_of(values, [](double v) { return std::isnan(v); });
}

std::string domain_text(const std::string& domain) { return domain.empty() ? "ai.onnx" : name_text(domain); }

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  std::string model(const Model& model) {
    line("model ir=" + std::to_string(model.ir_version) + extra(model.extra));
    if (!model.producer_name.empty() || !model.producer_version.empty()) {
      line("producer " + quoted(model.producer_name) + " " + quoted(model.producer_version));
    }
    for (const OpsetImport& opset : model.opsets)
      line("opset " + domain_text(opset.domain) + " " + std::to_string(opset.version));
    for (const auto& [key, value] : model.metadata) line("metadata " + name_text(key) + " = " + name_text(value));
    for (const OpaqueFunction& function : model.functions) {
      const std::string overload = function.overload.empty() ? "" : " overload=" + name_text(function.overload);
      line("function " + domain_text(function.domain) + " " + name_text(function.name) + overload + " " +
           bytes(function.bytes));
    }
    graph("graph", model.graph);
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += std::string(static_cast<std::size_t>(indent_) * 2, ' ') + text + "\n"; }

  std::string bytes(std::span<const std::byte> bytes) const {
    return options_.complete ? hexadecimal(bytes) : fingerprint(bytes);
  }
  std::string bytes(const std::string& bytes) const { return this->bytes(std::as_bytes(std::span(bytes))); }

  // What only travels with the model.
  std::string extra(const std::string& extra) const { return extra.empty() ? "" : " extra " + bytes(extra); }

  std::string type(const ValueType& type) const {
    if (type.kind == TypeKind::kOpaque) {
      const std::string text = quoted(opaque_type_text(type.opaque));
      return options_.complete ? text + " " + bytes(type.opaque) : text;
    }
    if (!type.is_tensor() || !type.has_shape) return to_string(type);
    return std::string(name_of(type.dtype)) + dims_text(type.dims);
  }

  void graph(const std::string& head, const Graph& graph) {
    line(head + " " + name_text(graph.name) + " {" + extra(graph.extra));
    ++indent_;
    values("input ", graph.inputs);
    for (const Weight& weight : graph.weights)
      line("weight " + name_text(weight.name) + ": " + tensor(weight.tensor) + extra(weight.extra));
    for (const std::string& weight : graph.sparse_weights) line("weight " + name_text(weight) + ": sparse");
    values("value ", graph.values);
    for (const Node& node : graph.nodes) this->node(node);
    values("output ", graph.outputs);
    --indent_;
    line("}");
  }

  void values(const char* head, const std::vector<Value>& values) {
    for (const Value& value : values) line(head + name_text(value.name) + ": " + type(value.type) + extra(value.extra));
  }

  std::string tensor(const Tensor& tensor) const {
    std::string text = arete::describe(tensor);
    if (tensor.dtype() == DType::kString) return text + strings(tensor);
    if (std::cmp_less_equal(tensor.size(), options_.max_elements)) {
      const Result<std::vector<double>> values = to_doubles(tensor);
      if (values && (!options_.complete || numbers_tell_all(tensor, *values)))
        return text + " = {" + elements(tensor, *values) + "}";
    }
    return text + (options_.complete ? " = " : " ") + bytes(tensor.bytes());
  }

  std::string strings(const Tensor& tensor) const {
    std::string text = " = {";
    const std::size_t shown =
        options_.complete ? tensor.strings().size() : std::min(options_.max_elements, tensor.strings().size());
    for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + quoted(tensor.strings()[i]);
    if (shown == tensor.strings().size()) return text + "}";
    std::string rest;
    for (std::size_t i = shown; i < tensor.strings().size(); ++i) rest += quoted(tensor.strings()[i]) + "\n";
    return text + ", ...} " + bytes(rest);
  }

  void node(const Node& node) {
    std::string text;
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      text += (i > 0 ? ", " : "") + (node.outputs[i].empty() ? "-" : name_text(node.outputs[i]));
    text += " = " + op_text(node) + "(";
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      text += (i > 0 ? ", " : "") + (node.inputs[i].empty() ? "-" : name_text(node.inputs[i]));
    text += ")";
    const std::string attributes = this->attributes(node);
    if (!attributes.empty()) text += " {" + attributes + "}";
    if (!node.overload.empty()) text += " overload=" + name_text(node.overload);
    if (!node.name.empty()) text += " name=" + name_text(node.name);
    line(text + extra(node.extra));
    ++indent_;
    for (const Attribute& attribute : node.attributes) graphs_of(attribute);
    --indent_;
  }

  std::string attributes(const Node& node) const {
    // Graphs stand below the node and after its other attributes, unless a mark says where their place is.
    std::size_t plain = node.attributes.size();
    while (plain > 0 && is_unmarked_graph(node.attributes[plain - 1])) --plain;
    std::string text;
    for (std::size_t i = 0; i < plain; ++i) {
      const Attribute& attribute = node.attributes[i];
      text += (i > 0 ? ", " : "") + name_text(attribute.name) + "=";
      text += std::visit([&](const auto& value) { return value_text(attribute, value); }, attribute.value);
      text += extra(attribute.extra);
    }
    return text;
  }

  static bool is_unmarked_graph(const Attribute& attribute) {
    return std::holds_alternative<std::shared_ptr<const Graph>>(attribute.value) && attribute.extra.empty() &&
           attribute.reference.empty();
  }

  void graphs_of(const Attribute& attribute) {
    if (const auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value))
      graph(name_text(attribute.name) + " =", **one);
    const auto* list = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value);
    if (list == nullptr) return;
    for (const auto& one : *list) graph(name_text(attribute.name) + " =", *one);
  }

  static std::string value_text(const Attribute& a, std::monostate) {
    return a.reference.empty() ? "?" : "@" + name_text(a.reference);
  }
  static std::string value_text(const Attribute&, float value) { return float_text(value); }
  static std::string value_text(const Attribute&, std::int64_t value) { return std::to_string(value); }
  static std::string value_text(const Attribute&, const std::string& value) { return quoted(value); }
  std::string value_text(const Attribute&, const Tensor& value) const { return tensor(value); }
  std::string value_text(const Attribute&, const OpaqueAttribute& value) const {
    return "opaque " + std::to_string(static_cast<int>(value.type)) + " " + bytes(value.bytes);
  }
  static std::string value_text(const Attribute&, const std::shared_ptr<const Graph>&) { return "graph"; }
  static std::string value_text(const Attribute&, const std::vector<std::shared_ptr<const Graph>>& values) {
    return "graphs " + std::to_string(values.size());
  }
  template <class T>
  std::string value_text(const Attribute& a, const std::vector<T>& values) const {
    // What an empty list would hold shows in its type alone.
    if (values.empty() && !std::is_same_v<T, std::int64_t>)
      return std::is_same_v<T, float> ? "floats []" : std::is_same_v<T, std::string> ? "strings []" : "tensors []";
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? "," : "") + value_text(a, values[i]);
    return text + "]";
  }

  const TextOptions& options_;
  std::string out_;
  int indent_ = 0;
};

}  // namespace

std::string to_text(const Model& model, const TextOptions& options) { return Printer(options).model(model); }

}  // namespace arete::graph
