// The model as a value: what ONNX says, in plain structs that passes read and rewrite.
//
// Copying is cheap: weights share their bytes (core/tensor.h). Whatever we do not model (documentation,
// metadata, sharding, sparse weights, sequence types, fields newer than our library) travels as
// serialised bytes in `extra` and comes out again as it went in.
// Not for: running (engine/), judging (graph/verifier.h).
// Threads: a value. Limits: below. Spec: ONNX IR (onnx-ml.proto), IR versions 3 and up.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace arete::graph {

inline constexpr int kMaxSubgraphDepth = 32;
inline constexpr std::size_t kMaxNodes = 4'000'000;  // in one model, subgraphs included

// One axis: a size, a name shared by equal axes ("N"), or neither.
struct Dim {
  std::int64_t size = -1;  // -1: not known
  std::string name;
  bool known() const { return size >= 0; }
  bool operator==(const Dim&) const = default;
};

enum class TypeKind : std::uint8_t {
  kUnknown,  // nothing was said
  kTensor,
  kOpaque,  // sequence, map, optional, sparse: kept as bytes, understood by no pass
};

struct ValueType {
  TypeKind kind = TypeKind::kUnknown;
  DType dtype = DType::kUndefined;
  bool has_shape = false;  // false: not even the rank is known
  std::vector<Dim> dims;
  std::string opaque;  // serialised TypeProto when kOpaque

  bool is_tensor() const { return kind == TypeKind::kTensor; }
  // Dynamic axes as -1. Only when has_shape.
  Shape shape() const;
};

struct Value {
  std::string name;
  ValueType type;
  std::string extra;
};

struct Weight {
  std::string name;
  Tensor tensor;
  std::string extra;
};

struct Graph;

// Numbers equal ONNX AttributeProto.AttributeType.
enum class AttributeType : std::uint8_t {
  kNone = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kType = 13,
  kTypes = 14,
};

// Attributes that stay serialised: sparse tensors and types.
struct OpaqueAttribute {
  AttributeType type = AttributeType::kNone;
  std::string bytes;  // the whole AttributeProto
};

using AttributeValue =
    std::variant<std::monostate, float, std::int64_t, std::string, Tensor, std::shared_ptr<const Graph>,
                 std::vector<float>, std::vector<std::int64_t>, std::vector<std::string>, std::vector<Tensor>,
                 std::vector<std::shared_ptr<const Graph>>, OpaqueAttribute>;

struct Attribute {
  std::string name;
  AttributeValue value;   // monostate with a reference, or where nothing was said
  std::string reference;  // inside a function: the function's attribute that this one takes
  std::string extra;

  AttributeType type() const;
};
// "a list of integers": how messages name the type.
std::string_view name_of(AttributeType type);

struct Node {
  std::string name;    // may be empty
  std::string domain;  // "" is ONNX's own ("ai.onnx" is read as "")
  std::string op_type;
  std::string overload;
  std::vector<std::string> inputs;  // "" is an optional input left out
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
  std::string extra;

  const Attribute* find(std::string_view attribute) const;
  // Values of an attribute or the default where it is absent or of another type.
  std::int64_t int_or(std::string_view attribute, std::int64_t fallback) const;
  float float_or(std::string_view attribute, float fallback) const;
  std::string string_or(std::string_view attribute, std::string_view fallback) const;
  std::vector<std::int64_t> ints_or(std::string_view attribute, std::vector<std::int64_t> fallback) const;
  void set(std::string_view attribute, AttributeValue value);
  bool is(std::string_view type) const { return domain.empty() && op_type == type; }
};

struct Graph {
  std::string name;
  std::vector<Value> inputs;
  std::vector<Value> outputs;
  std::vector<Value> values;  // types of inner tensors, as far as somebody said or inferred them
  std::vector<Weight> weights;
  std::vector<std::string> sparse_weights;  // names only; the values travel in `extra`
  std::vector<Node> nodes;                  // in an order in which they can run (verified)
  std::string extra;

  Weight* find_weight(std::string_view name);
  const Weight* find_weight(std::string_view name) const;
};

// The graphs that a node carries (branches, loop bodies), in the order of its attributes.
std::vector<const Graph*> subgraphs_of(const Node& node);

struct OpsetImport {
  std::string domain;
  std::int64_t version = 0;
};

// A function of the model's own: nodes that a call stands for. Kept as bytes until something inlines it.
struct OpaqueFunction {
  std::string domain;
  std::string name;
  std::string overload;
  std::string bytes;  // the whole FunctionProto
};

struct Model {
  std::int64_t ir_version = 8;
  std::vector<OpsetImport> opsets;
  std::string producer_name;
  std::string producer_version;
  std::map<std::string, std::string> metadata;  // of a key that stands twice the last
  Graph graph;
  std::vector<OpaqueFunction> functions;
  std::string extra;

  // The version of a domain's operators, or 0 where the model does not import it.
  std::int64_t opset(std::string_view domain = "") const;
  void set_opset(std::string_view domain, std::int64_t version);
};

// "Conv 'conv1' (node 17)": how every message names a node.
std::string describe(const Node& node, std::size_t index);
// "float32[N,3,224,224]", "float32[...]" without a rank, "?" for unknown.
std::string to_string(const ValueType& type);

// A name that no value, weight or node output of the graph has, starting with `wish`.
class NameMaker {
 public:
  explicit NameMaker(const Graph& graph);
  std::string make(std::string wish);

 private:
  std::unordered_map<std::string, int> taken_;
};

}  // namespace arete::graph
