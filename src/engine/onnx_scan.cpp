#include "engine/onnx_scan.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace arete::engine {
namespace {

using Bytes = std::span<const std::byte>;

// One field of a message: a number or a run of bytes.
struct Field {
  std::uint32_t number = 0;
  std::uint64_t value = 0;  // varints and fixed-size fields
  Bytes bytes;              // length-delimited fields
  bool delimited = false;
};

// Reads the fields of one message in order. Never looks past the end of its bytes.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }

  // Nothing when the bytes are no protobuf.
  std::optional<Field> next() {
    const std::optional<std::uint64_t> tag = varint();
    if (!tag || (*tag >> 3) == 0 || (*tag >> 3) > kMaxFieldNumber) return std::nullopt;
    Field field;
    field.number = static_cast<std::uint32_t>(*tag >> 3);
    switch (*tag & 7) {
      case 0:
        return number_field(field, varint());
      case 1:
        return number_field(field, fixed(8));
      case 2:
        return delimited_field(field);
      case 5:
        return number_field(field, fixed(4));
      default:
        return std::nullopt;  // groups: no ONNX file has them
    }
  }

 private:
  static constexpr std::uint64_t kMaxFieldNumber = (1U << 29) - 1;

  static std::optional<Field> number_field(Field field, std::optional<std::uint64_t> value) {
    if (!value) return std::nullopt;
    field.value = *value;
    return field;
  }

  std::optional<Field> delimited_field(Field field) {
    const std::optional<std::uint64_t> length = varint();
    if (!length || *length > rest_.size()) return std::nullopt;
    field.bytes = rest_.first(static_cast<std::size_t>(*length));
    field.delimited = true;
    rest_ = rest_.subspan(static_cast<std::size_t>(*length));
    return field;
  }

  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint64_t>(rest_[0]);
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<std::uint64_t> fixed(std::size_t size) {
    if (rest_.size() < size) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value |= static_cast<std::uint64_t>(rest_[i]) << (8 * i);
    }
    rest_ = rest_.subspan(size);
    return value;
  }

  Bytes rest_;
};

enum class Message : std::uint8_t { kModel, kGraph, kFunction, kNode, kAttribute, kTensor, kSparseTensor };

// Which fields of which message lead on to which message.
struct Edge {
  Message from;
  std::uint32_t field;
  Message to;
};
constexpr std::array<Edge, 15> kEdges = {{
    {Message::kModel, 7, Message::kGraph},
    {Message::kModel, 25, Message::kFunction},
    {Message::kGraph, 1, Message::kNode},
    {Message::kGraph, 5, Message::kTensor},         // initializer
    {Message::kGraph, 15, Message::kSparseTensor},  // sparse_initializer
    {Message::kFunction, 7, Message::kNode},
    {Message::kFunction, 11, Message::kAttribute},
    {Message::kNode, 5, Message::kAttribute},
    {Message::kAttribute, 5, Message::kTensor},
    {Message::kAttribute, 6, Message::kGraph},
    {Message::kAttribute, 10, Message::kTensor},
    {Message::kAttribute, 11, Message::kGraph},
    {Message::kAttribute, 22, Message::kSparseTensor},
    {Message::kAttribute, 23, Message::kSparseTensor},
    {Message::kSparseTensor, 1, Message::kTensor},
}};

// A message that is being read.
struct Frame {
  Message message;
  Reader reader;
  int depth = 0;  // graphs around and including it
};

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The bytes of the last field `number` in a message; nothing when absent or not readable.
std::optional<Bytes> find_message(Bytes message, std::uint32_t number) {
  std::optional<Bytes> found;
  for (Reader reader(message); !reader.at_end();) {
    const std::optional<Field> field = reader.next();
    if (!field) return std::nullopt;
    if (field->number == number && field->delimited) found = field->bytes;
  }
  return found;
}

std::uint64_t find_number(Bytes message, std::uint32_t number) {
  std::uint64_t found = 0;
  for (Reader reader(message); !reader.at_end();) {
    const std::optional<Field> field = reader.next();
    if (!field) break;
    if (field->number == number && !field->delimited) found = field->value;
  }
  return found;
}

class Scanner {
 public:
  Result<OnnxScan> scan(Bytes model) {
    frames_.push_back({Message::kModel, Reader(model)});
    while (!frames_.empty()) {
      if (frames_.back().reader.at_end()) {
        frames_.pop_back();
        continue;
      }
      const std::optional<Field> field = frames_.back().reader.next();
      if (!field) return not_onnx();
      RETURN_IF_ERROR(note(frames_.back(), *field));
      if (field->delimited) RETURN_IF_ERROR(descend(*field));
    }
    if (!saw_graph_) return Error{Code::kCorrupt, "it holds no ONNX graph"};
    return std::move(scan_);
  }

 private:
  static Error not_onnx() { return {Code::kCorrupt, "it is no ONNX model or is cut short"}; }

  // Opens the message in `field` where it leads on to something that we look for.
  Status descend(const Field& field) {
    const Frame& from = frames_.back();
    const auto edge = std::ranges::find_if(kEdges, [&](const Edge& candidate) {
      return candidate.from == from.message && candidate.field == field.number;
    });
    if (edge == kEdges.end()) return {};
    const bool is_graph = edge->to == Message::kGraph;
    const int depth = from.depth + (is_graph ? 1 : 0);
    if (depth > kMaxScanDepth) {
      return Error{Code::kExhausted, "subgraphs are nested deeper than " + std::to_string(kMaxScanDepth)};
    }
    saw_graph_ |= is_graph;
    frames_.push_back({edge->to, Reader(field.bytes), depth});
    return {};
  }

  // Keeps what a field of this message says.
  Status note(const Frame& frame, const Field& field) {
    switch (frame.message) {
      case Message::kNode:
        if (field.number == 4 && field.delimited) ++scan_.ops[text_of(field.bytes)];
        break;
      case Message::kGraph:
        if (frame.depth == 1 && (field.number == 11 || field.number == 12)) note_value(field.bytes);
        break;
      case Message::kTensor:
        if (field.number == 2) scan_.has_4_bit_weights |= field.value == 21 || field.value == 22;
        if (field.number == 13 && field.delimited) RETURN_IF_ERROR(note_external(field.bytes));
        if (field.number == 13) scan_.has_external_below |= frame.depth != 1;
        break;
      default:
        break;
    }
    const std::size_t rows = scan_.ops.size() + scan_.external_files.size() + scan_.values.size();
    if (rows > kMaxScanRows) return Error{Code::kExhausted, "it names more than a million things"};
    return {};
  }

  // StringStringEntryProto: key 1, value 2. Of what stands twice every reading is noted.
  Status note_external(Bytes entry) {
    bool is_location = false;
    std::vector<Bytes> values;
    for (Reader reader(entry); !reader.at_end();) {
      const std::optional<Field> field = reader.next();
      if (!field) return not_onnx();
      is_location |= field->number == 1 && text_of(field->bytes) == "location";
      if (field->number == 2 && field->delimited) values.push_back(field->bytes);
    }
    for (const Bytes value : values) {
      if (is_location) scan_.external_files.insert(text_of(value));
    }
    return {};
  }

  // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2.
  void note_value(Bytes value) {
    const std::optional<Bytes> name = find_message(value, 1);
    if (!name) return;
    DeclaredValue declared;
    const std::optional<Bytes> type = find_message(value, 2);
    const std::optional<Bytes> tensor = type ? find_message(*type, 1) : std::nullopt;
    if (tensor) {
      declared.elem_type = static_cast<int>(find_number(*tensor, 1));
      declared.has_shape = find_message(*tensor, 2).has_value();
    }
    scan_.values.insert_or_assign(text_of(*name), declared);
  }

  OnnxScan scan_;
  std::vector<Frame> frames_;  // from the model down to where we read
  bool saw_graph_ = false;
};

// QuantizeLinear, DynamicQuantizeLinear, QLinearConv, ConvInteger, and the fused ops of ONNX
// Runtime: QGemm, QAttention, DynamicQuantizeMatMul, MatMulIntegerToFloat.
bool quantises_activations(std::string_view op) {
  const bool q_op = op.size() > 1 && op[0] == 'Q' && op[1] >= 'A' && op[1] <= 'Z';
  return q_op || op.starts_with("Quantize") || op.find("DynamicQuantize") != std::string_view::npos ||
         op.find("Integer") != std::string_view::npos;
}

}  // namespace

Result<OnnxScan> scan_onnx(std::span<const std::byte> model) { return Scanner().scan(model); }

bool dequantises_weights_only(const OnnxScan& scan) {
  return scan.ops.contains("DequantizeLinear") &&
         std::ranges::none_of(scan.ops, [](const auto& row) { return quantises_activations(row.first); });
}

}  // namespace arete::engine
