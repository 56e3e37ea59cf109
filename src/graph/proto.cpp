#include "graph/proto.h"

#include <algorithm>
#include <set>

#include "graph/tensor_proto.h"

namespace arete::graph {
namespace {

// --- reading -------------------------------------------------------------------------------------

// State of one read: the loader, limits that count over the whole model, where we are.
class Reader {
 public:
  explicit Reader(const ReadOptions& options) : options_(options) {}

  Result<Graph> graph(onnx::GraphProto& proto, int depth) {
    if (depth > kMaxSubgraphDepth) {
      return Error{Code::kExhausted, "subgraphs are nested deeper than " + std::to_string(kMaxSubgraphDepth)};
    }
    nodes_ += static_cast<std::size_t>(proto.node_size());
    if (nodes_ > kMaxNodes) return Error{Code::kExhausted, "more than " + std::to_string(kMaxNodes) + " nodes"};
    Graph graph;
    graph.name = proto.name();
    for (auto& value : *proto.mutable_input()) graph.inputs.push_back(this->value(value));
    for (auto& value : *proto.mutable_output()) graph.outputs.push_back(this->value(value));
    for (auto& value : *proto.mutable_value_info()) graph.values.push_back(this->value(value));
    for (auto& weight : *proto.mutable_initializer()) {
      ASSIGN_OR_RETURN(Weight read, this->weight(weight));
      graph.weights.push_back(std::move(read));
    }
    for (const auto& weight : proto.sparse_initializer()) graph.sparse_weights.push_back(weight.values().name());
    for (int i = 0; i < proto.node_size(); ++i) {
      Result<Node> node = this->node(*proto.mutable_node(i), depth);
      if (!node) return with_context(std::move(node).error(), proto.node(i).op_type() + " (node " + std::to_string(i) + ")");
      graph.nodes.push_back(std::move(*node));
    }
    proto.clear_name();
    proto.clear_input();
    proto.clear_output();
    proto.clear_value_info();
    proto.clear_initializer();
    proto.clear_node();
    graph.extra = proto.SerializeAsString();
    return graph;
  }

  bool has_external_data() const { return has_external_data_; }

 private:
  Value value(onnx::ValueInfoProto& proto) {
    Value value;
    value.name = proto.name();
    if (proto.has_type()) value.type = type_from_proto(proto.type());
    proto.clear_name();
    proto.clear_type();
    value.extra = proto.SerializeAsString();
    return value;
  }

  Result<Weight> weight(onnx::TensorProto& proto) {
    Weight weight;
    weight.name = proto.name();
    has_external_data_ |= proto.data_location() == onnx::TensorProto::EXTERNAL;
    Result<Tensor> tensor = tensor_from_proto(std::move(proto), options_, weight.extra);
    if (!tensor) return with_context(std::move(tensor).error(), "initializer '" + weight.name + "'");
    weight.tensor = std::move(*tensor);
    return weight;
  }

  Result<Node> node(onnx::NodeProto& proto, int depth) {
    Node node;
    node.name = proto.name();
    node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    node.op_type = proto.op_type();
    node.overload = proto.overload();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (auto& attribute : *proto.mutable_attribute()) {
      ASSIGN_OR_RETURN(Attribute read, this->attribute(attribute, depth));
      node.attributes.push_back(std::move(read));
    }
    proto.clear_name();
    const std::string op_type = proto.op_type();
    proto.clear_domain();
    proto.clear_overload();
    proto.clear_input();
    proto.clear_output();
    proto.clear_attribute();
    proto.clear_op_type();
    node.extra = proto.SerializeAsString();
    proto.set_op_type(op_type);  // the caller's message may still name it
    return node;
  }

  Result<Attribute> attribute(onnx::AttributeProto& proto, int depth) {
    Attribute attribute;
    attribute.name = proto.name();
    attribute.reference = proto.ref_attr_name();
    Result<AttributeValue> value = attribute_value(proto, depth);
    if (!value) return with_context(std::move(value).error(), "attribute '" + attribute.name + "'");
    attribute.value = std::move(*value);
    if (proto.has_doc_string()) {
      onnx::AttributeProto rest;
      rest.set_doc_string(proto.doc_string());
      attribute.extra = rest.SerializeAsString();
    }
    return attribute;
  }

  Result<std::shared_ptr<const Graph>> subgraph(onnx::GraphProto& proto, int depth) {
    ASSIGN_OR_RETURN(Graph graph, this->graph(proto, depth + 1));
    return std::make_shared<const Graph>(std::move(graph));
  }

  Result<Tensor> attribute_tensor(onnx::TensorProto& proto) {
    std::string extra;  // documentation of a constant inside an attribute is dropped
    return tensor_from_proto(std::move(proto), options_, extra);
  }

  Result<AttributeValue> attribute_value(onnx::AttributeProto& proto, int depth) {
    switch (attribute_type(proto)) {
      case onnx::AttributeProto::FLOAT: return AttributeValue(proto.f());
      case onnx::AttributeProto::INT: return AttributeValue(static_cast<std::int64_t>(proto.i()));
      case onnx::AttributeProto::STRING: return AttributeValue(proto.s());
      case onnx::AttributeProto::FLOATS: return AttributeValue(std::vector<float>(proto.floats().begin(), proto.floats().end()));
      case onnx::AttributeProto::INTS: return AttributeValue(std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end()));
      case onnx::AttributeProto::STRINGS:
        return AttributeValue(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
      case onnx::AttributeProto::TENSOR: {
        ASSIGN_OR_RETURN(Tensor tensor, attribute_tensor(*proto.mutable_t()));
        return AttributeValue(std::move(tensor));
      }
      case onnx::AttributeProto::TENSORS: {
        std::vector<Tensor> tensors;
        for (auto& item : *proto.mutable_tensors()) {
          ASSIGN_OR_RETURN(Tensor tensor, attribute_tensor(item));
          tensors.push_back(std::move(tensor));
        }
        return AttributeValue(std::move(tensors));
      }
      case onnx::AttributeProto::GRAPH: {
        ASSIGN_OR_RETURN(auto graph, subgraph(*proto.mutable_g(), depth));
        return AttributeValue(std::move(graph));
      }
      case onnx::AttributeProto::GRAPHS: {
        std::vector<std::shared_ptr<const Graph>> graphs;
        for (auto& item : *proto.mutable_graphs()) {
          ASSIGN_OR_RETURN(auto graph, subgraph(item, depth));
          graphs.push_back(std::move(graph));
        }
        return AttributeValue(std::move(graphs));
      }
      case onnx::AttributeProto::SPARSE_TENSOR:
      case onnx::AttributeProto::SPARSE_TENSORS:
      case onnx::AttributeProto::TYPE_PROTO:
      case onnx::AttributeProto::TYPE_PROTOS: return AttributeValue(OpaqueAttribute{proto.SerializeAsString()});
      default: return AttributeValue(std::monostate{});
    }
  }

  // Models before IR version 3 may leave the type out: then the filled field tells.
  static onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& proto) {
    if (proto.type() != onnx::AttributeProto::UNDEFINED || !proto.ref_attr_name().empty()) return proto.type();
    if (proto.has_f()) return onnx::AttributeProto::FLOAT;
    if (proto.has_i()) return onnx::AttributeProto::INT;
    if (proto.has_s()) return onnx::AttributeProto::STRING;
    if (proto.has_t()) return onnx::AttributeProto::TENSOR;
    if (proto.has_g()) return onnx::AttributeProto::GRAPH;
    if (proto.floats_size() > 0) return onnx::AttributeProto::FLOATS;
    if (proto.ints_size() > 0) return onnx::AttributeProto::INTS;
    if (proto.strings_size() > 0) return onnx::AttributeProto::STRINGS;
    return onnx::AttributeProto::UNDEFINED;
  }

  const ReadOptions& options_;
  std::size_t nodes_ = 0;
  bool has_external_data_ = false;
};

// Initialisers that are inputs too become constants, so that engines may fold them.
std::vector<std::string> freeze(Graph& graph) {
  std::set<std::string_view> weights;
  for (const Weight& weight : graph.weights) weights.insert(weight.name);
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

void read_header(onnx::ModelProto& proto, Model& model) {
  model.ir_version = proto.ir_version();
  for (const auto& opset : proto.opset_import()) {
    model.opsets.push_back({opset.domain() == "ai.onnx" ? "" : opset.domain(), opset.version()});
  }
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  for (const auto& function : proto.functions()) {
    const std::string domain = function.domain() == "ai.onnx" ? "" : function.domain();
    model.functions.push_back({domain, function.name(), function.overload(), function.SerializeAsString()});
  }
  proto.clear_ir_version();
  proto.clear_opset_import();
  proto.clear_producer_name();
  proto.clear_producer_version();
  proto.clear_metadata_props();
  proto.clear_functions();
}

// --- writing -------------------------------------------------------------------------------------

constexpr std::size_t kExternalThreshold = 1024;
constexpr std::uint64_t kExternalAlignment = 4096;

void type_to_proto(const ValueType& type, onnx::TypeProto& proto) {
  if (type.kind == TypeKind::kOpaque) {
    proto.ParseFromString(type.opaque);
    return;
  }
  auto* tensor = proto.mutable_tensor_type();
  tensor->set_elem_type(static_cast<int>(type.dtype));
  if (!type.has_shape) return;
  auto* shape = tensor->mutable_shape();
  for (const Dim& dim : type.dims) {
    auto* to = shape->add_dim();
    if (dim.known()) {
      to->set_dim_value(dim.size);
    } else if (!dim.name.empty()) {
      to->set_dim_param(dim.name);
    }
  }
}

class Writer {
 public:
  Writer(const ToProtoOptions& options, std::vector<SharedBytes>* external_parts)
      : options_(options), external_parts_(external_parts) {}

  void graph(const Graph& graph, onnx::GraphProto& proto) {
    if (!graph.extra.empty()) proto.ParseFromString(graph.extra);
    proto.set_name(graph.name);
    for (const Value& input : graph.inputs) value(input, *proto.add_input());
    for (const Value& output : graph.outputs) value(output, *proto.add_output());
    for (const Value& inner : graph.values) value(inner, *proto.add_value_info());
    for (const Weight& weight : graph.weights) this->weight(weight, proto);
    for (const Node& node : graph.nodes) this->node(node, *proto.add_node());
  }

 private:
  void value(const Value& value, onnx::ValueInfoProto& proto) {
    if (!value.extra.empty()) proto.ParseFromString(value.extra);
    proto.set_name(value.name);
    if (value.type.kind != TypeKind::kUnknown) type_to_proto(value.type, *proto.mutable_type());
  }

  void weight(const Weight& weight, onnx::GraphProto& graph) {
    const bool large = options_.max_weight_bytes && weight.tensor.size_bytes() > *options_.max_weight_bytes;
    if (large) {
      ValueType type{TypeKind::kTensor, weight.tensor.dtype(), true, {}, ""};
      for (const std::int64_t size : weight.tensor.shape()) type.dims.push_back({size, ""});
      value({weight.name, std::move(type), ""}, *graph.add_input());
      return;
    }
    onnx::TensorProto& proto = *graph.add_initializer();
    const bool external = external_parts_ != nullptr && !options_.write.external_location.empty() &&
                          weight.tensor.size_bytes() >= kExternalThreshold;
    if (external) {
      add_external(weight, proto);
    } else {
      tensor_to_proto(weight.tensor, weight.extra, proto);
    }
    proto.set_name(weight.name);
  }

  void add_external(const Weight& weight, onnx::TensorProto& proto) {
    tensor_to_external_proto(weight.tensor, weight.extra, options_.write.external_location, external_bytes_, proto);
    // The part owns a reference to the tensor, whose bytes it shows.
    auto owner = std::make_shared<const Tensor>(weight.tensor);
    external_parts_->push_back({owner, owner->bytes()});
    external_bytes_ += owner->size_bytes();
    const std::uint64_t padding = (kExternalAlignment - external_bytes_ % kExternalAlignment) % kExternalAlignment;
    if (padding == 0) return;
    external_parts_->push_back(share_bytes(std::string(padding, '\0')));
    external_bytes_ += padding;
  }

  void node(const Node& node, onnx::NodeProto& proto) {
    if (!node.extra.empty()) proto.ParsePartialFromString(node.extra);
    if (!node.name.empty()) proto.set_name(node.name);
    if (!node.domain.empty()) proto.set_domain(node.domain);
    if (!node.overload.empty()) proto.set_overload(node.overload);
    proto.set_op_type(node.op_type);
    for (const std::string& input : node.inputs) proto.add_input(input);
    for (const std::string& output : node.outputs) proto.add_output(output);
    for (const Attribute& attribute : node.attributes) this->attribute(attribute, *proto.add_attribute());
  }

  void attribute(const Attribute& attribute, onnx::AttributeProto& proto) {
    if (const auto* opaque = std::get_if<OpaqueAttribute>(&attribute.value)) {
      proto.ParseFromString(opaque->bytes);
      return;
    }
    if (!attribute.extra.empty()) proto.ParsePartialFromString(attribute.extra);
    proto.set_name(attribute.name);
    if (!attribute.reference.empty()) proto.set_ref_attr_name(attribute.reference);
    std::visit([&](const auto& value) { set_value(value, proto); }, attribute.value);
  }

  void set_value(std::monostate, onnx::AttributeProto&) {}
  void set_value(const OpaqueAttribute&, onnx::AttributeProto&) {}
  void set_value(float value, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void set_value(std::int64_t value, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void set_value(const std::string& value, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void set_value(const Tensor& value, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::TENSOR);
    tensor_to_proto(value, "", *proto.mutable_t());
  }
  void set_value(const std::shared_ptr<const Graph>& value, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::GRAPH);
    graph(*value, *proto.mutable_g());
  }
  void set_value(const std::vector<float>& values, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void set_value(const std::vector<std::int64_t>& values, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) proto.add_ints(value);
  }
  void set_value(const std::vector<std::string>& values, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void set_value(const std::vector<Tensor>& values, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::TENSORS);
    for (const Tensor& value : values) tensor_to_proto(value, "", *proto.add_tensors());
  }
  void set_value(const std::vector<std::shared_ptr<const Graph>>& values, onnx::AttributeProto& proto) {
    proto.set_type(onnx::AttributeProto::GRAPHS);
    for (const auto& value : values) graph(*value, *proto.add_graphs());
  }

  const ToProtoOptions& options_;
  std::vector<SharedBytes>* external_parts_;
  std::uint64_t external_bytes_ = 0;
};

}  // namespace

ValueType type_from_proto(const onnx::TypeProto& proto) {
  ValueType type;
  const bool plain = proto.has_tensor_type() && !proto.has_denotation();
  const std::optional<DType> dtype = plain ? dtype_from_onnx(proto.tensor_type().elem_type()) : std::nullopt;
  if (!dtype) {
    if (proto.value_case() == onnx::TypeProto::VALUE_NOT_SET) return type;
    if (plain && proto.tensor_type().elem_type() == 0) return type;
    type.kind = TypeKind::kOpaque;
    type.opaque = proto.SerializeAsString();
    return type;
  }
  type.kind = TypeKind::kTensor;
  type.dtype = *dtype;
  type.has_shape = proto.tensor_type().has_shape();
  for (const auto& dim : proto.tensor_type().shape().dim()) {
    // A negative size is kept for the verifier to name; -1 is an old exporter's "dynamic".
    type.dims.push_back(dim.has_dim_value() ? Dim{dim.dim_value(), ""} : Dim{-1, dim.dim_param()});
  }
  return type;
}

Result<FromProto> from_proto(onnx::ModelProto&& proto, const ReadOptions& options) {
  FromProto read;
  read_header(proto, read.model);
  Reader reader(options);
  ASSIGN_OR_RETURN(read.model.graph, reader.graph(*proto.mutable_graph(), 0));
  read.has_external_data = reader.has_external_data();
  read.frozen_inputs = freeze(read.model.graph);
  proto.clear_graph();
  read.model.extra = proto.SerializeAsString();
  // IR version 3 demands that every initialiser is an input as well; 4 is the first that does not.
  read.model.ir_version = std::max<std::int64_t>(read.model.ir_version, 4);
  return read;
}

onnx::ModelProto to_proto(const Model& model, const ToProtoOptions& options, std::vector<SharedBytes>* external_parts) {
  onnx::ModelProto proto;
  if (!model.extra.empty()) proto.ParseFromString(model.extra);
  proto.set_ir_version(model.ir_version);
  for (const OpsetImport& opset : model.opsets) {
    auto* import = proto.add_opset_import();
    import->set_domain(opset.domain);
    import->set_version(opset.version);
  }
  if (!model.producer_name.empty()) proto.set_producer_name(model.producer_name);
  if (!model.producer_version.empty()) proto.set_producer_version(model.producer_version);
  for (const auto& [key, value] : model.metadata) {
    auto* entry = proto.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  for (const OpaqueFunction& function : model.functions) proto.add_functions()->ParseFromString(function.bytes);
  Writer(options, external_parts).graph(model.graph, *proto.mutable_graph());
  return proto;
}

}  // namespace arete::graph
