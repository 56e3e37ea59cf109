// Text -> Model: a line at a time, each kind of line by one function. Words and names are text_cursor.h's.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "graph/text.h"
#include "graph/text_cursor.h"
#include "graph/wire_scan.h"

namespace arete::graph {
namespace {

constexpr std::size_t kMaxRank = 64;
constexpr int kMaxGraphsOfNode = 1000;

// What a line, an attribute and a name become in memory, rounded up.
constexpr std::uint64_t kLineBytes = 512;
constexpr std::uint64_t kAttributeBytes = 256;
constexpr std::uint64_t kNameBytes = 96;

class TextReader {
 public:
  explicit TextReader(std::string_view text) : at_(text), size_(text.size()) { at_.skip_mark(); }

  Result<Model> model() {
    Model model;
    at_.skip_blank_lines();
    RETURN_IF_ERROR(header(model));
    while (true) {
      at_.skip_blank_lines();
      if (at_.accept("graph")) break;
      RETURN_IF_ERROR(model_line(model));
    }
    ASSIGN_OR_RETURN(model.graph, graph(0));
    at_.skip_blank_lines();
    if (!at_.at_end() || at_.place() != size_) return at_.error("expected the end of the text after the graph");
    return model;
  }

 private:
  Status header(Model& model) {
    RETURN_IF_ERROR(at_.expect("model"));
    RETURN_IF_ERROR(at_.expect("ir"));
    RETURN_IF_ERROR(at_.expect('='));
    ASSIGN_OR_RETURN(model.ir_version, at_.integer<std::int64_t>());
    ASSIGN_OR_RETURN(model.extra, extra());
    return at_.end_of_line();
  }

  Status model_line(Model& model) {
    RETURN_IF_ERROR(take(kLineBytes));
    if (at_.accept("producer")) {
      ASSIGN_OR_RETURN(model.producer_name, at_.quoted());
      ASSIGN_OR_RETURN(model.producer_version, at_.quoted());
    } else if (at_.accept("opset")) {
      OpsetImport opset;
      ASSIGN_OR_RETURN(opset.domain, domain());
      ASSIGN_OR_RETURN(opset.version, at_.integer<std::int64_t>());
      model.opsets.push_back(std::move(opset));
    } else if (at_.accept("metadata")) {
      ASSIGN_OR_RETURN(std::string key, at_.name());
      RETURN_IF_ERROR(at_.expect('='));
      ASSIGN_OR_RETURN(model.metadata[std::move(key)], at_.name());
    } else if (at_.accept("function")) {
      RETURN_IF_ERROR(function(model));
    } else {
      return at_.error("expected a line that begins with producer, opset, metadata, function or graph");
    }
    return at_.end_of_line();
  }

  Status function(Model& model) {
    OpaqueFunction function;
    ASSIGN_OR_RETURN(function.domain, domain());
    ASSIGN_OR_RETURN(function.name, at_.name());
    if (at_.accept("overload")) {
      RETURN_IF_ERROR(at_.expect('='));
      ASSIGN_OR_RETURN(function.overload, at_.name());
    }
    ASSIGN_OR_RETURN(function.bytes, at_.bytes());
    model.functions.push_back(std::move(function));
    return {};
  }

  Result<std::string> domain() {
    ASSIGN_OR_RETURN(std::string domain, at_.name());
    return domain == "ai.onnx" ? std::string() : domain;
  }

  Result<std::string> extra() { return at_.accept("extra") ? at_.bytes() : Result<std::string>(std::string()); }

  // After the word or name that stands before the graph's own name.
  Result<Graph> graph(int depth) {
    if (depth > kMaxSubgraphDepth) {
      return Error{Code::kExhausted, "subgraphs are nested deeper than " + std::to_string(kMaxSubgraphDepth)};
    }
    Graph graph;
    ASSIGN_OR_RETURN(graph.name, at_.name());
    RETURN_IF_ERROR(at_.expect('{'));
    ASSIGN_OR_RETURN(graph.extra, extra());
    RETURN_IF_ERROR(at_.end_of_line());
    while (true) {
      at_.skip_blank_lines();
      if (at_.accept('}')) break;
      if (at_.at_end()) return at_.error("the graph is not closed with '}'");
      RETURN_IF_ERROR(graph_line(graph, depth));
    }
    RETURN_IF_ERROR(at_.end_of_line());
    return graph;
  }

  // The limit of reading a file holds for a text too.
  Status take(std::uint64_t bytes) {
    taken_bytes_ += bytes;
    return taken_bytes_ <= max_read_bytes(size_) ? Status() : Status(too_many_parts(size_));
  }

  Status graph_line(Graph& graph, int depth) {
    RETURN_IF_ERROR(take(kLineBytes));
    if (declares("input")) return value(graph.inputs);
    if (declares("output")) return value(graph.outputs);
    if (declares("value")) return value(graph.values);
    if (declares("weight")) return weight(graph);
    if (++nodes_ > kMaxNodes)
      return Error{Code::kExhausted, "the graph has more than " + std::to_string(kMaxNodes) + " nodes"};
    return node(graph, depth);
  }

  // True and past the word, unless the word is the name of a node's output.
  bool declares(std::string_view word) {
    const std::size_t start = at_.place();
    if (!at_.accept(word)) return false;
    if (at_.peek() != '=' && at_.peek() != ',') return true;
    at_.go_back(start);
    return false;
  }

  Status value(std::vector<Value>& values) {
    Value value;
    ASSIGN_OR_RETURN(value.name, at_.name_and_colon());
    RETURN_IF_ERROR(type(value.type));
    ASSIGN_OR_RETURN(value.extra, extra());
    values.push_back(std::move(value));
    return at_.end_of_line();
  }

  Status type(ValueType& type) {
    if (at_.accept('?')) return {};
    if (at_.peek() == '"') {
      type.kind = TypeKind::kOpaque;
      RETURN_IF_ERROR(at_.quoted());
      ASSIGN_OR_RETURN(type.opaque, at_.bytes());
      return {};
    }
    type.kind = TypeKind::kTensor;
    ASSIGN_OR_RETURN(type.dtype, dtype());
    RETURN_IF_ERROR(at_.expect('['));
    type.has_shape = !at_.accept("...");
    if (!type.has_shape) return at_.expect(']');
    while (!at_.accept(']')) {
      if (type.dims.size() >= kMaxRank) return at_.error("a shape has more than " + std::to_string(kMaxRank) + " axes");
      if (!type.dims.empty()) RETURN_IF_ERROR(at_.expect(','));
      RETURN_IF_ERROR(take(kNameBytes));
      ASSIGN_OR_RETURN(Dim dim, this->dim());
      type.dims.push_back(std::move(dim));
    }
    return {};
  }

  Result<Dim> dim() {
    const char first = at_.peek();
    if (at_.accept('?')) return Dim{};
    Dim dim;
    if (first == '-' || (first >= '0' && first <= '9')) {
      ASSIGN_OR_RETURN(dim.size, at_.integer<std::int64_t>());
    } else {
      ASSIGN_OR_RETURN(dim.name, at_.name());
    }
    return dim;
  }

  Result<DType> dtype() {
    const std::string_view word = at_.bare();
    if (const std::optional<DType> dtype = dtype_from_name(word)) return *dtype;
    return at_.error("'" + std::string(word) + "' is no dtype");
  }

  Status weight(Graph& graph) {
    Weight weight;
    ASSIGN_OR_RETURN(weight.name, at_.name_and_colon());
    if (at_.accept("sparse")) {
      graph.sparse_weights.push_back(std::move(weight.name));
      return at_.end_of_line();
    }
    ASSIGN_OR_RETURN(weight.tensor, tensor());
    ASSIGN_OR_RETURN(weight.extra, extra());
    graph.weights.push_back(std::move(weight));
    return at_.end_of_line();
  }

  Result<Tensor> tensor() {
    ASSIGN_OR_RETURN(const DType dtype, this->dtype());
    RETURN_IF_ERROR(at_.expect('['));
    Shape shape;
    while (!at_.accept(']')) {
      if (shape.size() >= kMaxRank) return at_.error("a shape has more than " + std::to_string(kMaxRank) + " axes");
      if (!shape.empty()) RETURN_IF_ERROR(at_.expect(','));
      ASSIGN_OR_RETURN(const std::int64_t size, at_.integer<std::int64_t>());
      shape.push_back(size);
    }
    if (at_.peek() == 'f') return at_.bytes().error();  // a fingerprint
    RETURN_IF_ERROR(at_.expect('='));
    return at_.peek() == '{' ? listed(dtype, std::move(shape)) : packed(dtype, std::move(shape));
  }

  // What was made of the bytes or numbers before us.
  Result<Tensor> placed(Result<Tensor> made) const {
    if (made) return made;
    Error failure = at_.error(made.error().message);
    failure.code = made.error().code;
    return failure;
  }

  Result<Tensor> packed(DType dtype, Shape shape) {
    ASSIGN_OR_RETURN(std::string bytes, at_.bytes());
    return placed(Tensor::wrap(dtype, std::move(shape), share_bytes(std::move(bytes))));
  }

  Result<Tensor> listed(DType dtype, Shape shape) {
    if (dtype == DType::kString) {
      std::vector<std::string> strings;
      RETURN_IF_ERROR(list([&]() -> Status {
        RETURN_IF_ERROR(take(kNameBytes));
        ASSIGN_OR_RETURN(std::string text, at_.quoted());
        strings.push_back(std::move(text));
        return {};
      }));
      return placed(Tensor::of_strings(std::move(shape), std::move(strings)));
    }
    std::string bytes;
    RETURN_IF_ERROR(list([&] { return element(dtype, bytes); }));
    return placed(Tensor::wrap(dtype, std::move(shape), share_bytes(std::move(bytes))));
  }

  // { item, item }
  template <class Item>
  Status list(const Item& item) {
    RETURN_IF_ERROR(at_.expect('{'));
    for (bool first = true; !at_.accept('}'); first = false) {
      if (!first) RETURN_IF_ERROR(at_.expect(','));
      RETURN_IF_ERROR(item());
    }
    return {};
  }

  template <class T>
  static void append(std::string& bytes, T value) {
    std::array<char, sizeof(T)> raw{};
    std::memcpy(raw.data(), &value, sizeof(T));
    bytes.append(raw.data(), raw.size());
  }

  template <class T>
  Status integer_element(std::string& bytes) {
    using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    ASSIGN_OR_RETURN(const Wide value, at_.integer<Wide>());
    if (!std::in_range<T>(value)) return at_.error(std::to_string(value) + " is out of the dtype's range");
    append(bytes, static_cast<T>(value));
    return {};
  }

  Status element(DType dtype, std::string& bytes) {
    switch (dtype) {
      case DType::kInt8:
        return integer_element<std::int8_t>(bytes);
      case DType::kInt16:
        return integer_element<std::int16_t>(bytes);
      case DType::kInt32:
        return integer_element<std::int32_t>(bytes);
      case DType::kInt64:
        return integer_element<std::int64_t>(bytes);
      case DType::kUint8:
        return integer_element<std::uint8_t>(bytes);
      case DType::kUint16:
        return integer_element<std::uint16_t>(bytes);
      case DType::kUint32:
        return integer_element<std::uint32_t>(bytes);
      case DType::kUint64:
        return integer_element<std::uint64_t>(bytes);
      case DType::kBool: {
        ASSIGN_OR_RETURN(const std::uint64_t value, at_.integer<std::uint64_t>());
        if (value > 1) return at_.error("a bool is 0 or 1");
        append(bytes, static_cast<std::uint8_t>(value));
        return {};
      }
      default:
        return real_element(dtype, bytes);
    }
  }

  Status real_element(DType dtype, std::string& bytes) {
    ASSIGN_OR_RETURN(const double value, real());
    const Result<Tensor> rounded = from_doubles(dtype, {}, std::span(&value, 1));
    if (!rounded) return at_.error("elements of " + std::string(name_of(dtype)) + " are written as bytes: x\"...\"");
    bytes.append(reinterpret_cast<const char*>(rounded->bytes().data()), rounded->size_bytes());
    return {};
  }

  Result<double> real() {
    const std::size_t start = at_.place();
    const std::string_view digits = at_.number();
    double value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure == std::errc() && end == digits.data() + digits.size()) return value;
    at_.go_back(start);
    return at_.error("expected a number");
  }

  Status node(Graph& graph, int depth) {
    Node node;
    if (at_.peek() != '=') RETURN_IF_ERROR(tensors(node.outputs));
    RETURN_IF_ERROR(at_.expect('='));
    RETURN_IF_ERROR(op(node));
    RETURN_IF_ERROR(at_.expect('('));
    if (at_.peek() != ')') RETURN_IF_ERROR(tensors(node.inputs));
    RETURN_IF_ERROR(at_.expect(')'));
    if (at_.accept('{')) RETURN_IF_ERROR(attributes(node));
    RETURN_IF_ERROR(option("overload", node.overload));
    RETURN_IF_ERROR(option("name", node.name));
    ASSIGN_OR_RETURN(node.extra, extra());
    RETURN_IF_ERROR(at_.end_of_line());
    RETURN_IF_ERROR(subgraphs(node, depth));
    graph.nodes.push_back(std::move(node));
    return {};
  }

  // "a, -, b"
  Status tensors(std::vector<std::string>& names) {
    do {
      RETURN_IF_ERROR(take(kNameBytes));
      if (at_.accept('-')) {
        names.emplace_back();
      } else {
        ASSIGN_OR_RETURN(std::string name, at_.name());
        names.push_back(std::move(name));
      }
    } while (at_.accept(','));
    return {};
  }

  // "Relu", "com.example.Relu", and each half quoted where it is not plain.
  Status op(Node& node) {
    const bool quoted_first = at_.peek() == '"';
    ASSIGN_OR_RETURN(std::string first, at_.name());
    if (at_.peek() == '(') {
      const std::size_t point = quoted_first ? std::string::npos : first.rfind('.');
      node.op_type = point == std::string::npos ? first : first.substr(point + 1);
      if (point != std::string::npos) node.domain = first.substr(0, point);
      return {};
    }
    // domain."Op", "domain".Op or "domain"."Op"
    if (quoted_first) {
      if (at_.peek() != '.') return at_.error("expected '(' or '.' and an operator");
      std::string rest(at_.bare());
      node.domain = std::move(first);
      node.op_type = rest.substr(1);
      if (!node.op_type.empty()) return {};
    } else {
      if (!first.ends_with('.')) return at_.error("expected '(' after the operator");
      first.pop_back();
      node.domain = std::move(first);
    }
    ASSIGN_OR_RETURN(node.op_type, at_.quoted());
    return {};
  }

  Status option(std::string_view word, std::string& value) {
    if (!at_.accept(word)) return {};
    RETURN_IF_ERROR(at_.expect('='));
    ASSIGN_OR_RETURN(value, at_.name());
    return {};
  }

  Status attributes(Node& node) {
    for (bool first = true; !at_.accept('}'); first = false) {
      if (!first) RETURN_IF_ERROR(at_.expect(','));
      RETURN_IF_ERROR(take(kAttributeBytes));
      Attribute attribute;
      ASSIGN_OR_RETURN(attribute.name, at_.name());
      RETURN_IF_ERROR(at_.expect('='));
      RETURN_IF_ERROR(attribute_value(attribute));
      ASSIGN_OR_RETURN(attribute.extra, extra());
      node.attributes.push_back(std::move(attribute));
    }
    return {};
  }

  Status attribute_value(Attribute& attribute) {
    const char first = at_.peek();
    if (at_.accept('?')) return {};
    if (at_.accept('@')) {
      ASSIGN_OR_RETURN(attribute.reference, at_.name());
      return {};
    }
    if (first == '[') return attribute_list(attribute);
    if (at_.accept("opaque")) return opaque(attribute);
    if (at_.accept("graph")) {
      attribute.value = std::shared_ptr<const Graph>();
      return {};
    }
    if (at_.accept("graphs")) {
      ASSIGN_OR_RETURN(const std::int64_t count, at_.integer<std::int64_t>());
      if (count < 0 || count > kMaxGraphsOfNode) return at_.error("a node has at most 1000 graphs");
      attribute.value = std::vector<std::shared_ptr<const Graph>>(static_cast<std::size_t>(count));
      return {};
    }
    if (const auto empty = empty_list()) {
      attribute.value = *empty;
      RETURN_IF_ERROR(at_.expect('['));
      return at_.expect(']');
    }
    return scalar(attribute.value);
  }

  std::optional<AttributeValue> empty_list() {
    if (at_.accept("floats")) return std::vector<float>();
    if (at_.accept("strings")) return std::vector<std::string>();
    if (at_.accept("tensors")) return std::vector<Tensor>();
    return std::nullopt;
  }

  // A string, a tensor, a float or an integer.
  Status scalar(AttributeValue& value) {
    if (at_.peek() == '"') {
      ASSIGN_OR_RETURN(value, at_.quoted());
      return {};
    }
    const std::size_t start = at_.place();
    const bool is_tensor = dtype_from_name(at_.bare()).has_value() && at_.peek() == '[';
    at_.go_back(start);
    if (is_tensor) {
      ASSIGN_OR_RETURN(value, tensor());
      return {};
    }
    const bool is_float = at_.number().find_first_of(".enE") != std::string_view::npos;
    at_.go_back(start);
    if (is_float) {
      ASSIGN_OR_RETURN(value, float_value());
    } else {
      ASSIGN_OR_RETURN(value, at_.integer<std::int64_t>());
    }
    return {};
  }

  Result<float> float_value() {
    const std::size_t start = at_.place();
    const std::string_view digits = at_.number();
    if (digits == "nan") return std::bit_cast<float>(0x7FC00000U);
    const bool has_bits = digits.starts_with("nan:");
    const std::string_view rest = has_bits ? digits.substr(4) : digits;
    std::uint32_t bits = 0;
    float value = 0;
    const auto [end, failure] = has_bits ? std::from_chars(rest.data(), rest.data() + rest.size(), bits, 16)
                                         : std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (failure == std::errc() && end == rest.data() + rest.size() && !rest.empty())
      return has_bits ? std::bit_cast<float>(bits) : value;
    at_.go_back(start);
    return at_.error("expected a number");
  }

  // The first item says what the list holds; integers where there is none.
  Status attribute_list(Attribute& attribute) {
    RETURN_IF_ERROR(at_.expect('['));
    attribute.value = std::vector<std::int64_t>();
    for (bool first = true; !at_.accept(']'); first = false) {
      if (!first) RETURN_IF_ERROR(at_.expect(','));
      AttributeValue item;
      RETURN_IF_ERROR(take(kNameBytes));
      RETURN_IF_ERROR(scalar(item));
      const bool fits = std::visit([&](auto& value) { return append_item(attribute.value, value, first); }, item);
      if (!fits) return at_.error("a list holds items of one type");
    }
    return {};
  }

  template <class T>
  static bool append_item(AttributeValue& list, T& item, bool first) {
    if constexpr (std::is_constructible_v<AttributeValue, std::vector<T>>) {
      if (first) list = std::vector<T>();
      auto* items = std::get_if<std::vector<T>>(&list);
      if (items == nullptr) return false;
      items->push_back(std::move(item));
      return true;
    }
    return false;
  }

  Status opaque(Attribute& attribute) {
    ASSIGN_OR_RETURN(const std::int64_t type, at_.integer<std::int64_t>());
    if (type < 0 || type > static_cast<int>(AttributeType::kTypes)) return at_.error("there is no such attribute type");
    ASSIGN_OR_RETURN(std::string bytes, at_.bytes());
    attribute.value = OpaqueAttribute{static_cast<AttributeType>(type), std::move(bytes)};
    return {};
  }

  // "NAME = GRAPH {" below a node; a node's own line has a bracket behind its operator.
  bool begins_subgraph() {
    const std::size_t start = at_.place();
    const bool begins = at_.skip_name() && at_.accept('=') && at_.skip_name() && at_.peek() == '{';
    at_.go_back(start);
    return begins;
  }

  Status subgraphs(Node& node, int depth) {
    for (int count = 0;; ++count) {
      at_.skip_blank_lines();
      if (!begins_subgraph()) break;
      if (count == kMaxGraphsOfNode) return at_.error("a node has at most 1000 graphs");
      ASSIGN_OR_RETURN(const std::string name, at_.name());
      RETURN_IF_ERROR(at_.expect('='));
      std::shared_ptr<const Graph>& place = place_of(node, name);
      if (place) return at_.error("the node has a graph '" + name + "' already");
      ASSIGN_OR_RETURN(Graph sub, graph(depth + 1));
      place = std::make_shared<const Graph>(std::move(sub));
    }
    for (const Attribute& attribute : node.attributes) {
      if (is_missing(attribute)) return at_.error("the graph '" + attribute.name + "' of the node above is missing");
    }
    return {};
  }

  // The place that a mark among the attributes keeps, or a new one behind them.
  static std::shared_ptr<const Graph>& place_of(Node& node, const std::string& name) {
    for (Attribute& attribute : node.attributes) {
      if (attribute.name != name) continue;
      if (auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) return *one;
      auto* list = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value);
      if (list == nullptr || list->empty()) continue;
      const auto free = std::ranges::find(*list, nullptr);
      return free == list->end() ? list->front() : *free;
    }
    node.attributes.push_back({name, std::shared_ptr<const Graph>(), "", ""});
    return std::get<std::shared_ptr<const Graph>>(node.attributes.back().value);
  }

  static bool is_missing(const Attribute& attribute) {
    if (const auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) return *one == nullptr;
    const auto* list = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value);
    return list != nullptr && std::ranges::find(*list, nullptr) != list->end();
  }

  TextCursor at_;
  const std::size_t size_;
  std::size_t nodes_ = 0;
  std::uint64_t taken_bytes_ = 0;
};

}  // namespace

bool looks_like_text(std::string_view bytes) {
  TextCursor at(bytes);
  at.skip_mark();
  at.skip_blank_lines();
  return at.accept("model") && at.accept("ir") && at.accept('=');
}

Result<ReadModel> from_text(std::string_view text) {
  if (text.size() > kMaxTextBytes) return Error{Code::kExhausted, "the text is over 1 GiB; keep such a model as .onnx"};
  try {
    ASSIGN_OR_RETURN(const Model model, TextReader(text).model());
    // What only travels came as bytes that nobody looked at: they pass by the reader of files, and its limits hold.
    ASSIGN_OR_RETURN(const WrittenModel written, write_onnx(model));
    return read_onnx(std::as_bytes(std::span(written.bytes)));
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "not enough memory to read the model"};
  }
}

}  // namespace arete::graph
