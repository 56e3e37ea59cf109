// Messages -> Model.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <map>
#include <set>

#include "graph/proto.h"
#include "graph/tensor_proto.h"

namespace arete::graph {
namespace {

constexpr std::string_view kOnnxDomain = "ai.onnx";  // read as ""

std::string domain_of(const std::string& domain) { return domain == kOnnxDomain ? "" : domain; }

// The external files of one read: each is loaded once, however many weights lie in it.
class ExternalFiles {
 public:
  explicit ExternalFiles(const ReadOptions& options) : load_(options.load_external) {}

  ReadOptions options() {
    if (!load_) return {};
    return {[this](const std::string& location) -> Result<SharedBytes> {
      if (const auto found = files_.find(location); found != files_.end()) return found->second;
      ASSIGN_OR_RETURN(SharedBytes bytes, load_(location));
      total_bytes_ += bytes.view.size();
      return files_.emplace(location, std::move(bytes)).first->second;
    }};
  }

  // A tensor was taken from the file.
  void count(const std::string& location, const Tensor& tensor) { taken_bytes_[location] += tensor.size_bytes(); }
  // Weights may share bytes of a file: what was taken is no more than the file.
  std::map<std::string, std::uint64_t> taken() const {
    std::map<std::string, std::uint64_t> taken;
    for (const auto& [location, bytes] : taken_bytes_)
      taken[location] = std::min<std::uint64_t>(bytes, files_.at(location).view.size());
    return taken;
  }

  // Elements are read in place, so they must stand where the CPU may read them: else they are copied, but never more
  // than the files hold, or a small file that many weights share would fill the memory.
  Status align(Tensor& tensor) {
    const std::size_t width = std::min<std::size_t>(8, std::max(1, bits_of(tensor.dtype()) / 8));
    if (reinterpret_cast<std::uintptr_t>(tensor.bytes().data()) % width == 0) return {};
    copied_bytes_ += tensor.size_bytes();
    if (copied_bytes_ > total_bytes_) {
      return Error{Code::kExhausted,
                   "more weights than its external files hold stand at odd offsets; save the model again with aligned "
                   "external data"};
    }
    tensor.mutable_bytes();
    return {};
  }

 private:
  ExternalLoader load_;
  std::map<std::string, SharedBytes> files_;
  std::map<std::string, std::uint64_t> taken_bytes_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t copied_bytes_ = 0;
};

// What a ValueType says leaves the message; denotations and unknown fields stay in it.
ValueType take_type(onnx::TypeProto& proto) {
  ValueType type;
  if (proto.value_case() == onnx::TypeProto::VALUE_NOT_SET) return type;
  const bool tensor = proto.has_tensor_type();
  if (tensor && proto.tensor_type().elem_type() == 0) {
    proto.clear_value();  // a shape of nothing would join the type that inference finds
    return type;
  }
  const std::optional<DType> dtype = tensor ? dtype_from_onnx(proto.tensor_type().elem_type()) : std::nullopt;
  if (!dtype) {
    type.kind = TypeKind::kOpaque;
    type.opaque = proto.SerializeAsString();
    proto.Clear();
    return type;
  }
  onnx::TypeProto::Tensor& from = *proto.mutable_tensor_type();
  type.kind = TypeKind::kTensor;
  type.dtype = *dtype;
  type.has_shape = from.has_shape();
  type.dims.reserve(static_cast<std::size_t>(from.shape().dim_size()));
  for (auto& dim : *from.mutable_shape()->mutable_dim()) {
    // A negative size is kept for the verifier to name; -1 is an old exporter's "dynamic".
    type.dims.push_back(dim.has_dim_value() ? Dim{dim.dim_value(), ""} : Dim{-1, dim.dim_param()});
    dim.clear_value();
  }
  from.clear_elem_type();
  const bool plain = std::ranges::all_of(from.shape().dim(), [](const auto& dim) { return dim.ByteSizeLong() == 0; });
  if (plain) from.mutable_shape()->clear_dim();
  if (from.shape().ByteSizeLong() == 0) from.clear_shape();
  if (from.ByteSizeLong() == 0) proto.clear_tensor_type();
  return type;
}

// State of one read: the loader, limits that count over the whole model, where we are.
class Reader {
 public:
  explicit Reader(const ReadOptions& options) : files_(options), options_(files_.options()) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Graph> graph(onnx::GraphProto& proto, int depth) {
    if (depth > kMaxSubgraphDepth) {
      return Error{Code::kExhausted, "subgraphs are nested deeper than " + std::to_string(kMaxSubgraphDepth)};
    }
    Graph graph;
    graph.name = proto.name();
    // A vector that grows holds its elements twice; these may be many.
    graph.inputs.reserve(static_cast<std::size_t>(proto.input_size()));
    graph.outputs.reserve(static_cast<std::size_t>(proto.output_size()));
    graph.values.reserve(static_cast<std::size_t>(proto.value_info_size()));
    graph.weights.reserve(static_cast<std::size_t>(proto.initializer_size()));
    for (auto& value : *proto.mutable_input()) graph.inputs.push_back(this->value(value));
    for (auto& value : *proto.mutable_output()) graph.outputs.push_back(this->value(value));
    for (auto& value : *proto.mutable_value_info()) graph.values.push_back(this->value(value));
    for (auto& weight : *proto.mutable_initializer()) {
      ASSIGN_OR_RETURN(Weight read, this->weight(weight));
      graph.weights.push_back(std::move(read));
    }
    for (const auto& weight : proto.sparse_initializer()) {
      graph.sparse_weights.push_back(weight.values().name());
      Status good = check_sparse(weight);
      if (!good) return with_context(good.error(), "sparse initializer '" + weight.values().name() + "'");
    }
    ASSIGN_OR_RETURN(graph.nodes, nodes(*proto.mutable_node(), depth));
    proto.clear_name();
    proto.clear_input();
    proto.clear_output();
    proto.clear_value_info();
    proto.clear_initializer();
    proto.clear_node();
    graph.extra = proto.SerializeAsString();
    return graph;
  }

  using NodeProtos = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  Result<std::vector<Node>> nodes(NodeProtos& protos, int depth) {
    std::vector<Node> nodes;
    nodes.reserve(static_cast<std::size_t>(protos.size()));
    for (auto& proto : protos) {
      Result<Node> node = this->node(proto, depth);
      if (!node)
        return with_context(std::move(node).error(), proto.op_type() + " (node " + std::to_string(nodes.size()) + ")");
      nodes.push_back(std::move(*node));
    }
    return nodes;
  }

  std::map<std::string, std::uint64_t> external_files() const { return files_.taken(); }

 private:
  Value value(onnx::ValueInfoProto& proto) {
    Value value;
    value.name = proto.name();
    if (proto.has_type()) value.type = take_type(*proto.mutable_type());
    proto.clear_name();
    if (proto.type().ByteSizeLong() == 0) proto.clear_type();
    value.extra = proto.SerializeAsString();
    return value;
  }

  Result<Weight> weight(onnx::TensorProto& proto) {
    Weight weight;
    weight.name = proto.name();
    proto.clear_name();
    Result<Tensor> tensor = this->tensor(proto, weight.extra);
    if (!tensor) return with_context(std::move(tensor).error(), "initializer '" + weight.name + "'");
    weight.tensor = std::move(*tensor);
    return weight;
  }

  Result<Tensor> tensor(onnx::TensorProto& proto, std::string& extra) {
    const std::string location = external_location(proto);
    Result<Tensor> tensor = tensor_from_proto(proto, options_, extra);
    if (!tensor || location.empty()) return tensor;
    RETURN_IF_ERROR(files_.align(*tensor));
    files_.count(location, *tensor);
    return tensor;
  }

  // Sparse tensors travel as bytes; what they claim about themselves must still be sound.
  static Status check_sparse(const onnx::SparseTensorProto& sparse) {
    const Shape shape(sparse.dims().begin(), sparse.dims().end());
    for (const onnx::TensorProto* part : {&sparse.values(), &sparse.indices()}) {
      if (part->data_location() == onnx::TensorProto::EXTERNAL)
        return Error{Code::kUnsupported, "it is sparse and lies in an external file"};
      const Shape part_shape(part->dims().begin(), part->dims().end());
      const Result<std::int64_t> count = element_count(part_shape);
      if (!count) return count.error();
    }
    const Result<std::int64_t> count = element_count(shape);
    return count ? Status() : Status(count.error());
  }

  Result<Node> node(onnx::NodeProto& proto, int depth) {
    Node node;
    node.name = proto.name();
    node.domain = domain_of(proto.domain());
    node.op_type = proto.op_type();
    node.overload = proto.overload();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    node.attributes.reserve(static_cast<std::size_t>(proto.attribute_size()));
    for (auto& attribute : *proto.mutable_attribute()) {
      ASSIGN_OR_RETURN(Attribute read, this->attribute(attribute, depth));
      node.attributes.push_back(std::move(read));
    }
    proto.clear_name();
    proto.clear_domain();
    proto.clear_overload();
    proto.clear_input();
    proto.clear_output();
    proto.clear_attribute();
    proto.clear_op_type();
    node.extra = proto.SerializeAsString();
    proto.set_op_type(node.op_type);  // the caller's message may still name it
    return node;
  }

  Result<Attribute> attribute(onnx::AttributeProto& proto, int depth) {
    Attribute attribute;
    attribute.name = proto.name();
    attribute.reference = proto.ref_attr_name();
    proto.clear_name();
    proto.clear_ref_attr_name();
    // A reference takes type and value from its function's caller: both travel as they are.
    if (attribute.reference.empty()) {
      Result<AttributeValue> value = attribute_value(proto, depth);
      if (!value) return with_context(std::move(value).error(), "attribute '" + attribute.name + "'");
      attribute.value = std::move(*value);
    }
    attribute.extra = proto.SerializeAsString();
    return attribute;
  }

  // Takes the value out of the message.
  Result<AttributeValue> attribute_value(onnx::AttributeProto& proto, int depth) {
    const AttributeType type = attribute_type(proto);
    proto.clear_type();
    switch (type) {
      case AttributeType::kTensor:
        return tensor_attribute(proto);
      case AttributeType::kTensors:
        return tensors_attribute(proto);
      case AttributeType::kGraph:
        return graph_attribute(proto, depth);
      case AttributeType::kGraphs:
        return graphs_attribute(proto, depth);
      case AttributeType::kSparseTensor:
      case AttributeType::kSparseTensors:
      case AttributeType::kType:
      case AttributeType::kTypes:
        return opaque_attribute(proto, type);
      default:
        return plain_attribute(proto, type);
    }
  }

  static AttributeValue plain_attribute(onnx::AttributeProto& proto, AttributeType type) {
    AttributeValue value;
    if (type == AttributeType::kFloat) {
      value = proto.f();
      proto.clear_f();
    } else if (type == AttributeType::kInt) {
      value = static_cast<std::int64_t>(proto.i());
      proto.clear_i();
    } else if (type == AttributeType::kString) {
      value = std::move(*proto.mutable_s());
      proto.clear_s();
    } else if (type == AttributeType::kFloats) {
      value = std::vector<float>(proto.floats().begin(), proto.floats().end());
      proto.clear_floats();
    } else if (type == AttributeType::kInts) {
      value = std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
      proto.clear_ints();
    } else if (type == AttributeType::kStrings) {
      value = std::vector<std::string>(proto.strings().begin(), proto.strings().end());
      proto.clear_strings();
    }
    return value;
  }

  // A tensor's name and documentation stay in the message.
  Result<AttributeValue> tensor_attribute(onnx::AttributeProto& proto) {
    std::string extra;
    ASSIGN_OR_RETURN(Tensor tensor, this->tensor(*proto.mutable_t(), extra));
    if (extra.empty()) proto.clear_t();
    return AttributeValue(std::move(tensor));
  }

  Result<AttributeValue> tensors_attribute(onnx::AttributeProto& proto) {
    std::vector<Tensor> tensors;
    bool plain = true;
    for (auto& item : *proto.mutable_tensors()) {
      std::string extra;
      ASSIGN_OR_RETURN(Tensor tensor, this->tensor(item, extra));
      tensors.push_back(std::move(tensor));
      plain &= extra.empty();
    }
    if (plain) proto.clear_tensors();
    return AttributeValue(std::move(tensors));
  }

  Result<AttributeValue> graph_attribute(onnx::AttributeProto& proto, int depth) {
    ASSIGN_OR_RETURN(Graph graph, this->subgraph(*proto.mutable_g(), depth));
    proto.clear_g();
    return AttributeValue(std::make_shared<const Graph>(std::move(graph)));
  }

  Result<AttributeValue> graphs_attribute(onnx::AttributeProto& proto, int depth) {
    std::vector<std::shared_ptr<const Graph>> graphs;
    for (auto& item : *proto.mutable_graphs()) {
      ASSIGN_OR_RETURN(Graph graph, subgraph(item, depth));
      graphs.push_back(std::make_shared<const Graph>(std::move(graph)));
    }
    proto.clear_graphs();
    return AttributeValue(std::move(graphs));
  }

  Result<Graph> subgraph(onnx::GraphProto& proto, int depth);

  static Result<AttributeValue> opaque_attribute(onnx::AttributeProto& proto, AttributeType type) {
    if (proto.has_sparse_tensor()) RETURN_IF_ERROR(check_sparse(proto.sparse_tensor()));
    for (const auto& sparse : proto.sparse_tensors()) RETURN_IF_ERROR(check_sparse(sparse));
    OpaqueAttribute opaque{type, proto.SerializeAsString()};
    proto.Clear();
    return AttributeValue(std::move(opaque));
  }

  // Models before IR version 3 may leave the type out: then the filled field tells.
  static AttributeType attribute_type(const onnx::AttributeProto& proto) {
    if (proto.type() != onnx::AttributeProto::UNDEFINED) return static_cast<AttributeType>(proto.type());
    if (proto.has_f()) return AttributeType::kFloat;
    if (proto.has_i()) return AttributeType::kInt;
    if (proto.has_s()) return AttributeType::kString;
    if (proto.has_t()) return AttributeType::kTensor;
    if (proto.has_g()) return AttributeType::kGraph;
    if (proto.floats_size() > 0) return AttributeType::kFloats;
    if (proto.ints_size() > 0) return AttributeType::kInts;
    if (proto.strings_size() > 0) return AttributeType::kStrings;
    return AttributeType::kNone;
  }

  ExternalFiles files_;
  const ReadOptions options_;
};

// Initialisers that are inputs too become constants, so that engines may fold them.
std::vector<std::string> freeze(Graph& graph) {
  std::set<std::string_view> weights;
  for (const Weight& weight : graph.weights) weights.insert(weight.name);
  weights.insert(graph.sparse_weights.begin(), graph.sparse_weights.end());
  std::vector<std::string> frozen;
  std::vector<Value> inputs;
  for (Value& input : graph.inputs) {
    if (weights.contains(input.name)) {
      frozen.push_back(input.name);
    } else {
      inputs.push_back(std::move(input));
    }
  }
  graph.inputs = std::move(inputs);
  return frozen;
}

Result<Graph> Reader::subgraph(onnx::GraphProto& proto, int depth) {
  ASSIGN_OR_RETURN(Graph graph, this->graph(proto, depth + 1));
  freeze(graph);
  return graph;
}

void read_header(onnx::ModelProto& proto, Model& model) {
  model.ir_version = proto.ir_version();
  for (const auto& opset : proto.opset_import()) model.opsets.push_back({domain_of(opset.domain()), opset.version()});
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  for (const auto& function : proto.functions()) {
    model.functions.push_back(
        {domain_of(function.domain()), function.name(), function.overload(), function.SerializeAsString()});
  }
  proto.clear_ir_version();
  proto.clear_opset_import();
  proto.clear_producer_name();
  proto.clear_producer_version();
  proto.clear_metadata_props();
  proto.clear_functions();
}

// Depth is bounded by kProtoRecursionLimit.
std::string type_text(const onnx::TypeProto& type) {
  switch (type.value_case()) {
    case onnx::TypeProto::kSequenceType:
      return "sequence(" + type_text(type.sequence_type().elem_type()) + ")";
    case onnx::TypeProto::kOptionalType:
      return "optional(" + type_text(type.optional_type().elem_type()) + ")";
    case onnx::TypeProto::kMapType: {
      const std::optional<DType> key = dtype_from_onnx(type.map_type().key_type());
      return "map(" + std::string(key ? name_of(*key) : "?") + "," + type_text(type.map_type().value_type()) + ")";
    }
    case onnx::TypeProto::kSparseTensorType: {
      onnx::TypeProto dense;
      dense.mutable_tensor_type()->set_elem_type(type.sparse_tensor_type().elem_type());
      *dense.mutable_tensor_type()->mutable_shape() = type.sparse_tensor_type().shape();
      return "sparse(" + type_text(dense) + ")";
    }
    case onnx::TypeProto::kOpaqueType:
      return "opaque(" + type.opaque_type().domain() + "." + type.opaque_type().name() + ")";
    case onnx::TypeProto::kTensorType: {
      const ValueType tensor = type_from_proto(type);
      return tensor.is_tensor() ? to_string(tensor) : "type " + std::to_string(type.tensor_type().elem_type());
    }
    default:
      return "?";
  }
}

}  // namespace

bool parse_bytes(std::span<const std::byte> bytes, google::protobuf::MessageLite& message) {
  google::protobuf::io::ArrayInputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream stream(&array);
  stream.SetRecursionLimit(kProtoRecursionLimit);
  return message.ParsePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}

ValueType type_from_proto(onnx::TypeProto proto) { return take_type(proto); }

std::string opaque_type_text(const std::string& type_bytes) {
  onnx::TypeProto type;
  return parse_bytes(type_bytes, type) ? type_text(type) : "?";
}

Result<FromProto> from_proto(onnx::ModelProto&& proto, const ReadOptions& options) {
  FromProto read;
  read_header(proto, read.model);
  Reader reader(options);
  ASSIGN_OR_RETURN(read.model.graph, reader.graph(*proto.mutable_graph(), 0));
  read.external_files = reader.external_files();
  read.frozen_inputs = freeze(read.model.graph);
  proto.clear_graph();
  read.model.extra = proto.SerializeAsString();
  // IR version 3 demands that every initialiser is an input as well; 4 is the first that does not.
  read.model.ir_version = std::max<std::int64_t>(read.model.ir_version, 4);
  return read;
}

Result<Model> function_body(const OpaqueFunction& function) {
  onnx::FunctionProto proto;
  if (!parse_bytes(function.bytes, proto)) return Error{Code::kBug, "a function's bytes do not parse"};
  Model body;
  for (const auto& opset : proto.opset_import()) body.opsets.push_back({domain_of(opset.domain()), opset.version()});
  for (const std::string& input : proto.input()) body.graph.inputs.push_back({input, {}, ""});
  for (const std::string& output : proto.output()) body.graph.outputs.push_back({output, {}, ""});
  const ReadOptions nothing_external;
  ASSIGN_OR_RETURN(body.graph.nodes, Reader(nothing_external).nodes(*proto.mutable_node(), 0));
  return body;
}

}  // namespace arete::graph
