#include "graph/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdint>

namespace arete::graph {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

// Names are printed bare when they are plain, else quoted with \xNN for what does not print.
std::string name_text(const std::string& name) {
  const auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '/' || c == ':';
  };
  if (!name.empty() && std::ranges::all_of(name, plain)) return name;
  std::string text = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') text += std::string("\\") + c;
    else if (byte >= 0x20 && byte != 0x7F) text += c;
    else {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", byte);
      text += code.data();
    }
  }
  return text + "\"";
}

// CRC-32C would need a table; FNV-1a is enough to see that two weights differ.
std::uint64_t fingerprint(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3ULL;
  return hash;
}

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  std::string model(const Model& model) {
    line("model ir=" + std::to_string(model.ir_version));
    for (const OpsetImport& opset : model.opsets) {
      line("opset " + (opset.domain.empty() ? std::string("ai.onnx") : name_text(opset.domain)) + " " + std::to_string(opset.version));
    }
    for (const auto& [key, value] : model.metadata) line("metadata " + name_text(key) + " = " + name_text(value));
    for (const OpaqueFunction& function : model.functions) line("function " + name_text(function.domain) + " " + name_text(function.name));
    graph("graph", model.graph);
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += std::string(static_cast<std::size_t>(indent_) * 2, ' ') + text + "\n"; }

  void graph(const std::string& head, const Graph& graph) {
    line(head + " " + name_text(graph.name) + " {");
    ++indent_;
    for (const Value& input : graph.inputs) line("input " + name_text(input.name) + ": " + to_string(input.type));
    for (const Weight& weight : graph.weights) line("weight " + name_text(weight.name) + ": " + tensor(weight.tensor));
    for (const Node& node : graph.nodes) this->node(node);
    for (const Value& output : graph.outputs) line("output " + name_text(output.name) + ": " + to_string(output.type));
    --indent_;
    line("}");
  }

  std::string tensor(const Tensor& tensor) const {
    std::string text = arete::describe(tensor);
    if (tensor.dtype() == DType::kString) return text + strings(tensor);
    const Result<std::vector<double>> values = to_doubles(tensor);
    if (values && values->size() <= options_.max_elements) {
      text += " = {";
      for (std::size_t i = 0; i < values->size(); ++i) text += (i > 0 ? ", " : "") + number((*values)[i]);
      return text + "}";
    }
    std::array<char, 24> code{};
    std::snprintf(code.data(), code.size(), "%016llx", static_cast<unsigned long long>(fingerprint(tensor.bytes())));
    return text + " fnv1a=" + code.data();
  }

  std::string strings(const Tensor& tensor) const {
    std::string text = " = {";
    const std::size_t shown = std::min(options_.max_elements, tensor.strings().size());
    for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + name_text(tensor.strings()[i]);
    return text + (shown < tensor.strings().size() ? ", ...}" : "}");
  }

  void node(const Node& node) {
    std::string text;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) text += (i > 0 ? ", " : "") + (node.outputs[i].empty() ? "-" : name_text(node.outputs[i]));
    text += " = " + (node.domain.empty() ? "" : node.domain + ".") + node.op_type + "(";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) text += (i > 0 ? ", " : "") + (node.inputs[i].empty() ? "-" : name_text(node.inputs[i]));
    text += ")";
    std::vector<std::pair<std::string, std::shared_ptr<const Graph>>> graphs;
    std::string attributes;
    for (const Attribute& attribute : node.attributes) {
      const std::string value = std::visit([&](const auto& v) { return attribute_text(attribute, v, graphs); }, attribute.value);
      if (!value.empty()) attributes += (attributes.empty() ? "" : ", ") + attribute.name + "=" + value;
    }
    if (!attributes.empty()) text += " {" + attributes + "}";
    line(text);
    ++indent_;
    for (const auto& [name, sub] : graphs) graph(name + " =", *sub);
    --indent_;
  }

  using Subgraphs = std::vector<std::pair<std::string, std::shared_ptr<const Graph>>>;

  std::string attribute_text(const Attribute& a, std::monostate, Subgraphs&) { return a.reference.empty() ? "?" : "@" + a.reference; }
  std::string attribute_text(const Attribute&, float value, Subgraphs&) {
    const std::string text = number(static_cast<double>(value));
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  std::string attribute_text(const Attribute&, std::int64_t value, Subgraphs&) { return std::to_string(value); }
  std::string attribute_text(const Attribute&, const std::string& value, Subgraphs&) { return "\"" + name_text(value) + "\""; }
  std::string attribute_text(const Attribute&, const Tensor& value, Subgraphs&) { return tensor(value); }
  std::string attribute_text(const Attribute&, const OpaqueAttribute&, Subgraphs&) { return "opaque"; }
  std::string attribute_text(const Attribute& a, const std::shared_ptr<const Graph>& value, Subgraphs& graphs) {
    graphs.emplace_back(a.name, value);
    return "";
  }
  std::string attribute_text(const Attribute& a, const std::vector<std::shared_ptr<const Graph>>& values, Subgraphs& graphs) {
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
