#include "graph/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
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

// Between double quotes, with \xNN for what does not print.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += std::string("\\") + c;
    } else if (byte >= 0x20 && byte != 0x7F) {
      result += c;
    } else {
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

std::string fingerprint(const std::string& bytes) { return fingerprint(std::as_bytes(std::span(bytes))); }

// What only travels with the model.
std::string extra_text(const std::string& extra) { return extra.empty() ? "" : " extra " + fingerprint(extra); }

std::string dims_text(const std::vector<Dim>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += i > 0 ? "," : "";
    text += dims[i].known() ? std::to_string(dims[i].size) : dims[i].name.empty() ? "?" : name_text(dims[i].name);
  }
  return text + "]";
}

std::string type_text(const ValueType& type) {
  if (type.kind == TypeKind::kOpaque) return name_text(opaque_type_text(type.opaque));
  if (!type.is_tensor() || !type.has_shape) return to_string(type);
  return std::string(name_of(type.dtype)) + dims_text(type.dims);
}

std::string domain_text(const std::string& domain) { return domain.empty() ? "ai.onnx" : name_text(domain); }

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  std::string model(const Model& model) {
    line("model ir=" + std::to_string(model.ir_version) + extra_text(model.extra));
    if (!model.producer_name.empty() || !model.producer_version.empty()) {
      line("producer " + quoted(model.producer_name) + " " + quoted(model.producer_version));
    }
    for (const OpsetImport& opset : model.opsets)
      line("opset " + domain_text(opset.domain) + " " + std::to_string(opset.version));
    for (const auto& [key, value] : model.metadata) line("metadata " + name_text(key) + " = " + name_text(value));
    for (const OpaqueFunction& function : model.functions) {
      const std::string overload = function.overload.empty() ? "" : " overload=" + name_text(function.overload);
      line("function " + domain_text(function.domain) + " " + name_text(function.name) + overload + " " +
           fingerprint(function.bytes));
    }
    graph("graph", model.graph);
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += std::string(static_cast<std::size_t>(indent_) * 2, ' ') + text + "\n"; }

  void graph(const std::string& head, const Graph& graph) {
    line(head + " " + name_text(graph.name) + " {" + extra_text(graph.extra));
    ++indent_;
    values("input ", graph.inputs);
    for (const Weight& weight : graph.weights)
      line("weight " + name_text(weight.name) + ": " + tensor(weight.tensor) + extra_text(weight.extra));
    for (const std::string& weight : graph.sparse_weights) line("weight " + name_text(weight) + ": sparse");
    values("value ", graph.values);
    for (const Node& node : graph.nodes) this->node(node);
    values("output ", graph.outputs);
    --indent_;
    line("}");
  }

  void values(const char* head, const std::vector<Value>& values) {
    for (const Value& value : values)
      line(head + name_text(value.name) + ": " + type_text(value.type) + extra_text(value.extra));
  }

  std::string tensor(const Tensor& tensor) const {
    std::string text = arete::describe(tensor);
    if (tensor.dtype() == DType::kString) return text + strings(tensor);
    if (std::cmp_less_equal(tensor.size(), options_.max_elements)) {
      const Result<std::vector<double>> values = to_doubles(tensor);
      if (values) return text + " = {" + elements(tensor, *values) + "}";
    }
    return text + " " + fingerprint(tensor.bytes());
  }

  std::string strings(const Tensor& tensor) const {
    std::string text = " = {";
    const std::size_t shown = std::min(options_.max_elements, tensor.strings().size());
    for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + quoted(tensor.strings()[i]);
    if (shown == tensor.strings().size()) return text + "}";
    std::string rest;
    for (std::size_t i = shown; i < tensor.strings().size(); ++i) rest += quoted(tensor.strings()[i]) + "\n";
    return text + ", ...} " + fingerprint(rest);
  }

  void node(const Node& node) {
    std::string text;
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      text += (i > 0 ? ", " : "") + (node.outputs[i].empty() ? "-" : name_text(node.outputs[i]));
    text += " = " + (node.domain.empty() ? "" : name_text(node.domain) + ".") + name_text(node.op_type) + "(";
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      text += (i > 0 ? ", " : "") + (node.inputs[i].empty() ? "-" : name_text(node.inputs[i]));
    text += ")";
    std::vector<std::pair<std::string, std::shared_ptr<const Graph>>> graphs;
    std::string attributes;
    for (const Attribute& attribute : node.attributes) {
      const std::string value =
          std::visit([&](const auto& v) { return attribute_text(attribute, v, graphs); }, attribute.value);
      if (!value.empty())
        attributes +=
            (attributes.empty() ? "" : ", ") + name_text(attribute.name) + "=" + value + extra_text(attribute.extra);
    }
    if (!attributes.empty()) text += " {" + attributes + "}";
    if (!node.overload.empty()) text += " overload=" + name_text(node.overload);
    if (!node.name.empty()) text += " name=" + name_text(node.name);
    line(text + extra_text(node.extra));
    ++indent_;
    for (const auto& [name, sub] : graphs) graph(name_text(name) + " =", *sub);
    --indent_;
  }

  using Subgraphs = std::vector<std::pair<std::string, std::shared_ptr<const Graph>>>;

  std::string attribute_text(const Attribute& a, std::monostate, Subgraphs&) {
    return a.reference.empty() ? "?" : "@" + name_text(a.reference);
  }
  std::string attribute_text(const Attribute&, float value, Subgraphs&) {
    const std::string text = number(static_cast<double>(value));
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  std::string attribute_text(const Attribute&, std::int64_t value, Subgraphs&) { return std::to_string(value); }
  std::string attribute_text(const Attribute&, const std::string& value, Subgraphs&) { return quoted(value); }
  std::string attribute_text(const Attribute&, const Tensor& value, Subgraphs&) { return tensor(value); }
  std::string attribute_text(const Attribute&, const OpaqueAttribute& value, Subgraphs&) {
    return "opaque " + fingerprint(value.bytes);
  }
  std::string attribute_text(const Attribute& a, const std::shared_ptr<const Graph>& value, Subgraphs& graphs) {
    graphs.emplace_back(a.name, value);
    return "";
  }
  std::string attribute_text(const Attribute& a, const std::vector<std::shared_ptr<const Graph>>& values,
                             Subgraphs& graphs) {
    for (const auto& value : values) graphs.emplace_back(a.name, value);
    return "";
  }
  template <class T>
  std::string attribute_text(const Attribute& a, const std::vector<T>& values, Subgraphs& graphs) {
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i > 0 ? "," : "") + attribute_text(a, values[i], graphs);
    return text + "]";
  }

  const TextOptions& options_;
  std::string out_;
  int indent_ = 0;
};

}  // namespace

std::string to_text(const Model& model, const TextOptions& options) { return Printer(options).model(model); }

}  // namespace arete::graph
