// The mutator of fuzz_onnx: most bytes that differ from a model are no model, so half of the time it
// changes the model behind the bytes instead: operators drawn from the op table with attributes of the
// declared types, hostile sizes, rewired inputs. Only in the libFuzzer program; replaying needs none.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "graph/onnx_io.h"
#include "graph/op_table.h"

using namespace arete;
using namespace arete::graph;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

// All operators that the official library has ever had.
constexpr const char* kOps[] = {
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "AffineGrid",
    "And",
    "ArgMax",
    "ArgMin",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Bernoulli",
    "BitCast",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "BlackmanWindow",
    "Cast",
    "CastLike",
    "CausalConvWithState",
    "Ceil",
    "Celu",
    "CenterCropPad",
    "Clip",
    "Col2Im",
    "Compress",
    "Concat",
    "ConcatFromSequence",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "CumProd",
    "CumSum",
    "DFT",
    "DeformConv",
    "DepthToSpace",
    "DequantizeLinear",
    "Det",
    "Div",
    "Dropout",
    "DynamicQuantizeLinear",
    "Einsum",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "EyeLike",
    "Flatten",
    "Floor",
    "GRU",
    "Gather",
    "GatherElements",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "GridSample",
    "GroupNormalization",
    "HammingWindow",
    "HannWindow",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "If",
    "ImageDecoder",
    "InstanceNormalization",
    "IsInf",
    "IsNaN",
    "LRN",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "LinearAttention",
    "Log",
    "LogSoftmax",
    "Loop",
    "LpNormalization",
    "LpPool",
    "MatMul",
    "MatMulInteger",
    "Max",
    "MaxPool",
    "MaxRoiPool",
    "MaxUnpool",
    "Mean",
    "MeanVarianceNormalization",
    "MelWeightMatrix",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Multinomial",
    "Neg",
    "NegativeLogLikelihoodLoss",
    "NonMaxSuppression",
    "NonZero",
    "Not",
    "OneHot",
    "Optional",
    "OptionalGetElement",
    "OptionalHasElement",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RMSNormalization",
    "RNN",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Range",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "RegexFullMatch",
    "Relu",
    "Reshape",
    "Resize",
    "ReverseSequence",
    "RoiAlign",
    "RotaryEmbedding",
    "Round",
    "STFT",
    "Scan",
    "Scatter",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "SequenceAt",
    "SequenceConstruct",
    "SequenceEmpty",
    "SequenceErase",
    "SequenceInsert",
    "SequenceLength",
    "SequenceMap",
    "Shape",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Size",
    "Slice",
    "Softmax",
    "SoftmaxCrossEntropyLoss",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "SplitToSequence",
    "Sqrt",
    "Squeeze",
    "StringConcat",
    "StringNormalizer",
    "StringSplit",
    "Sub",
    "Sum",
    "SwiGLU",
    "Swish",
    "Tan",
    "Tanh",
    "TensorScatter",
    "TfIdfVectorizer",
    "ThresholdedRelu",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Unique",
    "Unsqueeze",
    "Upsample",
    "Where",
    "Xor",
    "ArrayFeatureExtractor",
    "Binarizer",
    "CastMap",
    "CategoryMapper",
    "DictVectorizer",
    "FeatureVectorizer",
    "Imputer",
    "LabelEncoder",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "OneHotEncoder",
    "SVMClassifier",
    "SVMRegressor",
    "Scaler",
    "TreeEnsemble",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "ZipMap",
};
constexpr std::int64_t kInts[] = {0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  7,
                                  8,
                                  16,
                                  64,
                                  -1,
                                  -2,
                                  -3,
                                  -4,
                                  127,
                                  1000,
                                  65536,
                                  1LL << 31,
                                  -(1LL << 31),
                                  1LL << 40,
                                  1LL << 62,
                                  INT64_MAX,
                                  INT64_MIN,
                                  INT64_MIN + 1};
constexpr float kFloats[] = {0.0F, -0.0F, 1.0F, -1.0F, 0.5F, 2.0F, 1e-30F, 1e30F, 3.4e38F, 1e9F, -1e18F};
constexpr const char* kStrings[] = {
    "",          "NOTSET",       "SAME_UPPER", "SAME_LOWER", "VALID",   "constant", "reflect",
    "ij,jk->ik", "...ij->...ji", "ii->i",      "i,,->",      "->",      "linear",   "nearest",
    "cubic",     "sizes",        "DCR",        "CRD",        "forward", "reverse",  "bidirectional",
    "Relu",      "none",         "mean",       "sum",        "mul",     "a.b",      "tf_crop_and_resize",
    "LINEAR",    "BILINEAR",     "TREE"};

class Mutator {
 public:
  Mutator(Model& model, unsigned seed) : model_(model), graph_(model.graph), random_(seed) {}

  void mutate() {
    const int steps = 1 + below(3);
    for (int i = 0; i < steps; ++i) step();
  }

 private:
  int below(std::size_t limit) { return limit < 2 ? 0 : static_cast<int>(random_() % limit); }
  bool chance(int percent) { return below(100) < percent; }
  template <class List>
  auto& any(List& list) {
    return list[static_cast<std::size_t>(below(std::size(list)))];
  }
  std::int64_t some_int() { return chance(70) ? kInts[below(10)] : any(kInts); }
  DType some_dtype() { return chance(60) ? any(kCommon) : static_cast<DType>(1 + below(kDTypeCount - 1)); }

  void step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return insert_node();
      case 4:
      case 5:
        return change_attribute();
      case 6:
        return rewire();
      case 7:
        return change_weight();
      case 8:
        return change_type();
      case 9:
        return remove_node();
      case 10:
        return change_opset();
      default:
        return add_weight();
    }
  }

  std::vector<std::string> names_before(std::size_t index) const {
    std::vector<std::string> names;
    for (const Value& input : graph_.inputs) names.push_back(input.name);
    for (const Weight& weight : graph_.weights) names.push_back(weight.name);
    for (std::size_t i = 0; i < index; ++i)
      names.insert(names.end(), graph_.nodes[i].outputs.begin(), graph_.nodes[i].outputs.end());
    return names;
  }

  std::string some_name(const std::vector<std::string>& names) { return names.empty() ? "" : any(names); }

  void insert_node() {
    Node node;
    node.op_type = any(kOps);
    std::optional<OpRow> row = find_op("", node.op_type, model_.opset());
    if (!row) {
      node.domain = "ai.onnx.ml";
      row = find_op(node.domain, node.op_type, newest_opset(node.domain));
      if (!row) return;
      model_.set_opset(node.domain, newest_opset(node.domain));
    }
    const auto index = static_cast<std::size_t>(below(graph_.nodes.size() + 1));
    const std::vector<std::string> names = names_before(index);
    const int inputs =
        row->min_inputs + below(static_cast<std::size_t>(std::min(row->max_inputs - row->min_inputs, 4) + 1));
    const int outputs = std::max(row->min_outputs, 1) +
                        below(static_cast<std::size_t>(std::min(row->max_outputs - row->min_outputs, 3) + 1));
    for (int i = 0; i < inputs; ++i) node.inputs.push_back(chance(5) ? "" : some_name(names));
    for (int i = 0; i < std::min(outputs, row->max_outputs); ++i)
      node.outputs.push_back("m" + std::to_string(random_()));
    for (const auto& [name, attribute] : row->attributes) {
      if (attribute.required || chance(35)) node.set(name, some_value(attribute.type));
    }
    if (!node.outputs.empty() && chance(60)) feed_someone(node.outputs[0], index);
    graph_.nodes.insert(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(index), std::move(node));
  }

  // So that the next operators see what this one infers.
  void feed_someone(const std::string& name, std::size_t index) {
    if (index >= graph_.nodes.size() || chance(30)) {
      graph_.outputs.push_back({name, {}, ""});
      return;
    }
    Node& reader = graph_.nodes[index + static_cast<std::size_t>(below(graph_.nodes.size() - index))];
    if (!reader.inputs.empty()) any(reader.inputs) = name;
  }

  AttributeValue some_value(AttributeType type) {
    switch (type) {
      case AttributeType::kFloat:
        return any(kFloats);
      case AttributeType::kInt:
        return chance(30) ? static_cast<std::int64_t>(some_dtype()) : some_int();
      case AttributeType::kString:
        return std::string(any(kStrings));
      case AttributeType::kTensor:
        return some_tensor();
      case AttributeType::kGraph:
        return some_graph();
      case AttributeType::kFloats:
        return some_list<float>([&] { return any(kFloats); });
      case AttributeType::kInts:
        return some_list<std::int64_t>([&] { return some_int(); });
      case AttributeType::kStrings:
        return some_list<std::string>([&] { return std::string(any(kStrings)); });
      default:
        return std::monostate{};
    }
  }

  template <class T, class Make>
  std::vector<T> some_list(Make make) {
    std::vector<T> list;
    for (int i = below(6); i > 0; --i) list.push_back(make());
    return list;
  }

  // A graph that is there already, or a small one of its own.
  AttributeValue some_graph() {
    for (const Node& node : graph_.nodes) {
      for (const Attribute& attribute : node.attributes) {
        if (attribute.type() == AttributeType::kGraph && chance(50)) return attribute.value;
      }
    }
    auto graph = std::make_shared<Graph>();
    graph->name = "s";
    const std::string prefix = "s" + std::to_string(random_());
    for (int i = below(4); i > 0; --i) graph->inputs.push_back({prefix + "i" + std::to_string(i), some_type(), ""});
    const std::vector<std::string> names = names_before(0);
    for (int i = below(4); i > 0; --i) {
      Node node;
      node.op_type = "Identity";
      node.inputs = {!graph->inputs.empty() && chance(70) ? any(graph->inputs).name : some_name(names)};
      node.outputs = {prefix + "o" + std::to_string(i)};
      graph->outputs.push_back({node.outputs[0], chance(50) ? some_type() : ValueType(), ""});
      graph->nodes.push_back(std::move(node));
    }
    return std::shared_ptr<const Graph>(std::move(graph));
  }

  Shape small_shape() {
    Shape shape;
    for (int i = below(5); i > 0; --i) shape.push_back(below(5));
    return shape;
  }

  Tensor some_tensor() {
    if (chance(50)) {  // numbers that steer inference: shapes, axes, pads
      std::vector<std::int64_t> values;
      for (int i = below(5); i > 0; --i) values.push_back(some_int());
      const auto count = static_cast<std::int64_t>(values.size());
      return count == 1 && chance(50) ? Tensor::scalar<std::int64_t>(values[0])
                                      : Tensor::of<std::int64_t>({count}, std::span<const std::int64_t>(values));
    }
    Result<Tensor> tensor = Tensor::zeros(some_dtype(), small_shape());
    if (!tensor) return Tensor::scalar<float>(1.0F);
    if (tensor->dtype() == DType::kString) return std::move(*tensor);
    for (std::byte& byte : tensor->mutable_bytes()) byte = static_cast<std::byte>(chance(30) ? random_() : 1U);
    return std::move(*tensor);
  }

  ValueType some_type() {
    ValueType type{TypeKind::kTensor, some_dtype(), !chance(15), {}, ""};
    for (int i = type.has_shape ? below(6) : 0; i > 0; --i) {
      const std::int64_t size = chance(80) ? below(9) : kInts[below(std::size(kInts))];
      type.dims.push_back(chance(15) ? Dim{-1, "N"}
                                     : Dim{std::max<std::int64_t>(size, chance(95) ? -1 : INT64_MIN), ""});
    }
    return type;
  }

  void change_attribute() {
    if (graph_.nodes.empty()) return;
    Node& node = any(graph_.nodes);
    if (node.attributes.empty()) return;
    Attribute& attribute = any(node.attributes);
    const AttributeValue value = some_value(attribute.type());
    if (!std::holds_alternative<std::monostate>(value)) attribute.value = value;
  }

  void rewire() {
    if (graph_.nodes.empty()) return;
    const auto index = static_cast<std::size_t>(below(graph_.nodes.size()));
    Node& node = graph_.nodes[index];
    if (chance(20)) node.inputs.push_back("");
    if (!node.inputs.empty()) any(node.inputs) = some_name(names_before(index));
  }

  void change_weight() {
    if (!graph_.weights.empty()) any(graph_.weights).tensor = some_tensor();
  }

  void add_weight() {
    graph_.weights.push_back({"m" + std::to_string(random_()), some_tensor(), ""});
    if (!graph_.nodes.empty() && !any(graph_.nodes).inputs.empty()) {
      Node& node = any(graph_.nodes);
      if (!node.inputs.empty()) any(node.inputs) = graph_.weights.back().name;
    }
  }

  void change_type() {
    auto& values = chance(70) || graph_.outputs.empty() ? graph_.inputs : graph_.outputs;
    if (!values.empty()) any(values).type = some_type();
  }

  void remove_node() {
    if (!graph_.nodes.empty()) graph_.nodes.erase(graph_.nodes.begin() + below(graph_.nodes.size()));
  }

  void change_opset() { model_.set_opset("", 7 + below(static_cast<std::size_t>(newest_opset("")) - 6)); }

  static constexpr DType kCommon[] = {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kUint8,
                                      DType::kInt8,    DType::kBool,  DType::kString};

  Model& model_;
  Graph& graph_;
  std::mt19937 random_;
};

ReadOptions with_external_file() {
  return {[](const std::string&) -> Result<SharedBytes> { return share_bytes(std::string(4096, 'x')); }};
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Result<ReadModel> read = read_onnx(std::as_bytes(std::span(data, size)), with_external_file());
  if (!read) return LLVMFuzzerMutate(data, size, max_size);
  Mutator(read->model, seed / 2).mutate();
  const Result<WrittenModel> written = write_onnx(read->model);
  if (!written || written->bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, written->bytes.data(), written->bytes.size());
  return written->bytes.size();
}
