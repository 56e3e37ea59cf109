// Model -> messages.
#include "graph/proto.h"
#include "graph/tensor_proto.h"

namespace arete::graph {
namespace {

constexpr std::size_t kExternalThreshold = 1024;
constexpr std::uint64_t kExternalAlignment = 4096;

// The message may hold denotations that travelled.
void type_to_proto(const ValueType& type, onnx::TypeProto& proto) {
  if (type.kind == TypeKind::kOpaque) {
    parse_bytes(type.opaque, proto);
    return;
  }
  auto* tensor = proto.mutable_tensor_type();
  tensor->set_elem_type(static_cast<int>(type.dtype));
  const auto rank = static_cast<int>(type.dims.size());
  if (!type.has_shape) {
    tensor->clear_shape();
    return;
  }
  auto* shape = tensor->mutable_shape();
  // Axes travel only where they hold more than a size or a name; of another rank they are another tensor's.
  if (shape->dim_size() != rank) shape->clear_dim();
  for (int i = 0; i < rank; ++i) {
    const Dim& dim = type.dims[static_cast<std::size_t>(i)];
    auto* to = i < shape->dim_size() ? shape->mutable_dim(i) : shape->add_dim();
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
      : options_(options), external_parts_(external_parts), with_extras_(!options.max_weight_bytes) {}

  void graph(const Graph& graph, onnx::GraphProto& proto, int depth) {
    extras(graph.extra, proto);
    proto.set_name(graph.name);
    for (const Value& input : graph.inputs) value(input, *proto.add_input());
    for (const Value& output : graph.outputs) value(output, *proto.add_output());
    for (const Value& inner : graph.values) value(inner, *proto.add_value_info());
    for (const Weight& weight : graph.weights) this->weight(weight, proto, depth);
    if (!with_extras_ && !graph.sparse_weights.empty()) sparse_as_inputs(graph, proto);
    for (const Node& node : graph.nodes) this->node(node, *proto.add_node(), depth);
  }

 private:
  // What only travels (model.h).
  void extras(const std::string& bytes, google::protobuf::MessageLite& proto) const {
    if (with_extras_ && !bytes.empty()) parse_bytes(bytes, proto);
  }

  void value(const Value& value, onnx::ValueInfoProto& proto) {
    extras(value.extra, proto);
    proto.set_name(value.name);
    if (value.type.kind != TypeKind::kUnknown) type_to_proto(value.type, *proto.mutable_type());
  }

  void typed_input(const std::string& name, DType dtype, const Shape& shape, onnx::GraphProto& graph) {
    ValueType type{TypeKind::kTensor, dtype, true, {}, ""};
    for (const std::int64_t size : shape) type.dims.push_back({size, ""});
    value({name, std::move(type), ""}, *graph.add_input());
  }

  void sparse_as_inputs(const Graph& graph, onnx::GraphProto& proto) {
    onnx::GraphProto extra;
    parse_bytes(graph.extra, extra);
    for (const auto& sparse : extra.sparse_initializer()) {
      const auto dtype = dtype_from_onnx(sparse.values().data_type());
      typed_input(sparse.values().name(), dtype.value_or(DType::kUndefined),
                  {sparse.dims().begin(), sparse.dims().end()}, proto);
    }
  }

  void weight(const Weight& weight, onnx::GraphProto& graph, int depth) {
    // An input more would change what a subgraph is called with.
    const bool large =
        depth == 0 && options_.max_weight_bytes && weight.tensor.size_bytes() > *options_.max_weight_bytes;
    if (large) {
      typed_input(weight.name, weight.tensor.dtype(), weight.tensor.shape(), graph);
      return;
    }
    onnx::TensorProto& proto = *graph.add_initializer();
    const bool external = external_parts_ != nullptr && !options_.write.external_location.empty() &&
                          weight.tensor.size_bytes() >= kExternalThreshold;
    extras(weight.extra, proto);
    if (external) {
      add_external(weight, proto);
    } else {
      tensor_to_proto(weight.tensor, proto);
    }
    proto.set_name(weight.name);
  }

  void add_external(const Weight& weight, onnx::TensorProto& proto) {
    tensor_to_external_proto(weight.tensor, options_.write.external_location, external_bytes_, proto);
    // The part owns a reference to the tensor, whose bytes it shows.
    auto owner = std::make_shared<const Tensor>(weight.tensor);
    external_parts_->push_back({owner, owner->bytes()});
    external_bytes_ += owner->size_bytes();
    const std::uint64_t padding = (kExternalAlignment - external_bytes_ % kExternalAlignment) % kExternalAlignment;
    if (padding == 0) return;
    external_parts_->push_back(share_bytes(std::string(padding, '\0')));
    external_bytes_ += padding;
  }

  void node(const Node& node, onnx::NodeProto& proto, int depth) {
    extras(node.extra, proto);
    if (!node.name.empty()) proto.set_name(node.name);
    if (!node.domain.empty()) proto.set_domain(node.domain);
    if (!node.overload.empty()) proto.set_overload(node.overload);
    proto.set_op_type(node.op_type);
    for (const std::string& input : node.inputs) proto.add_input(input);
    for (const std::string& output : node.outputs) proto.add_output(output);
    for (const Attribute& attribute : node.attributes) this->attribute(attribute, *proto.add_attribute(), depth);
  }

  void attribute(const Attribute& attribute, onnx::AttributeProto& proto, int depth) {
    if (const auto* opaque = std::get_if<OpaqueAttribute>(&attribute.value)) {
      parse_bytes(opaque->bytes, proto);
    } else {
      extras(attribute.extra, proto);
    }
    proto.set_name(attribute.name);
    if (!attribute.reference.empty()) proto.set_ref_attr_name(attribute.reference);
    if (attribute.type() == AttributeType::kNone) return;
    proto.set_type(static_cast<onnx::AttributeProto::AttributeType>(attribute.type()));
    std::visit([&](const auto& value) { set_value(value, proto, depth); }, attribute.value);
  }

  static void set_value(std::monostate, onnx::AttributeProto&, int) {}
  static void set_value(const OpaqueAttribute&, onnx::AttributeProto&, int) {}
  static void set_value(float value, onnx::AttributeProto& proto, int) { proto.set_f(value); }
  static void set_value(std::int64_t value, onnx::AttributeProto& proto, int) { proto.set_i(value); }
  static void set_value(const std::string& value, onnx::AttributeProto& proto, int) { proto.set_s(value); }
  static void set_value(const Tensor& value, onnx::AttributeProto& proto, int) {
    tensor_to_proto(value, *proto.mutable_t());
  }
  void set_value(const std::shared_ptr<const Graph>& value, onnx::AttributeProto& proto, int depth) {
    graph(*value, *proto.mutable_g(), depth + 1);
  }
  static void set_value(const std::vector<float>& values, onnx::AttributeProto& proto, int) {
    proto.mutable_floats()->Add(values.begin(), values.end());
  }
  static void set_value(const std::vector<std::int64_t>& values, onnx::AttributeProto& proto, int) {
    proto.mutable_ints()->Add(values.begin(), values.end());
  }
  static void set_value(const std::vector<std::string>& values, onnx::AttributeProto& proto, int) {
    for (const std::string& value : values) proto.add_strings(value);
  }
  static void set_value(const std::vector<Tensor>& values, onnx::AttributeProto& proto, int) {
    // What travelled belongs to the tensors that were read; a changed list has none of it.
    if (proto.tensors_size() != static_cast<int>(values.size())) proto.clear_tensors();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int at = static_cast<int>(i);
      tensor_to_proto(values[i], at < proto.tensors_size() ? *proto.mutable_tensors(at) : *proto.add_tensors());
    }
  }
  void set_value(const std::vector<std::shared_ptr<const Graph>>& values, onnx::AttributeProto& proto, int depth) {
    for (const auto& value : values) graph(*value, *proto.add_graphs(), depth + 1);
  }

  const ToProtoOptions& options_;
  std::vector<SharedBytes>* external_parts_;
  const bool with_extras_;
  std::uint64_t external_bytes_ = 0;
};

}  // namespace

onnx::ModelProto to_proto(const Model& model, const ToProtoOptions& options, std::vector<SharedBytes>* external_parts) {
  onnx::ModelProto proto;
  if (!options.max_weight_bytes && !model.extra.empty()) parse_bytes(model.extra, proto);
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
  for (const OpaqueFunction& function : model.functions) parse_bytes(function.bytes, *proto.add_functions());
  Writer(options, external_parts).graph(model.graph, *proto.mutable_graph(), 0);
  return proto;
}

}  // namespace arete::graph
