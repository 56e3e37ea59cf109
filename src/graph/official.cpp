#include "graph/official.h"

#include <onnx/checker.h>
#include <onnx/inliner/inliner.h>
#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <algorithm>
#include <exception>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "graph/function_table.h"
#include "graph/proto.h"
#include "graph/uses.h"
#include "graph/verifier.h"

namespace arete::graph {
namespace {

constexpr std::size_t kMaxOfficialWeightBytes = 1024;

ToProtoOptions without_large_weights() { return {kMaxOfficialWeightBytes, {}}; }

// The first line of what the library threw. Of "file.h:12: f: Assertion `...` failed: words" the words alone.
std::string reason_of(const std::exception& failure) {
  constexpr std::string_view kFailed = "` failed: ";
  std::string text = failure.what();
  text = text.substr(0, text.find('\n'));
  const std::size_t assertion = text.find(": Assertion `");
  const std::size_t failed = text.find(kFailed);
  if (assertion != std::string::npos && failed != std::string::npos) text = text.substr(failed + kFailed.size());
  return text.empty() ? "no reason given" : text;
}

bool has_inner_sparse_weights(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (const Graph* sub : subgraphs_of(node)) {
      if (!sub->sparse_weights.empty() || has_inner_sparse_weights(*sub)) return true;
    }
  }
  return false;
}

// What to_proto() held back from the converter, and what the converter forgot, as far as names tell
// where it belongs.
void restore_held_back(const Model& from, Model& to) {
  to.producer_name = from.producer_name;
  to.producer_version = from.producer_version;
  to.metadata = from.metadata;
  to.extra = from.extra;
  to.graph.extra = from.graph.extra;
  to.graph.sparse_weights = from.graph.sparse_weights;

  // Held-back weights came out as inputs: put them in their old place.
  std::unordered_set<std::string_view> inputs;
  for (const Value& input : from.graph.inputs) inputs.insert(input.name);
  std::erase_if(to.graph.inputs, [&](const Value& input) { return !inputs.contains(input.name); });
  std::unordered_map<std::string_view, Weight*> kept;
  for (Weight& weight : to.graph.weights) kept.emplace(weight.name, &weight);
  std::vector<Weight> held_back;
  for (const Weight& weight : from.graph.weights) {
    const auto found = kept.find(weight.name);
    if (found != kept.end()) {
      found->second->extra = weight.extra;
    } else if (weight.tensor.size_bytes() > kMaxOfficialWeightBytes) {
      held_back.push_back(weight);
    }
  }
  to.graph.weights.insert(to.graph.weights.end(), held_back.begin(), held_back.end());

  std::unordered_map<std::string_view, const Node*> makers;
  for (const Node& node : from.graph.nodes) {
    if (!node.outputs.empty()) makers.emplace(node.outputs[0], &node);
  }
  for (Node& node : to.graph.nodes) {
    const auto found = node.outputs.empty() ? makers.end() : makers.find(node.outputs[0]);
    if (found != makers.end() && found->second->op_type == node.op_type) node.extra = found->second->extra;
  }
}

// Whether a caller of the one may call the other: the library's Scan of opset 8 loses its batch axis in conversion.
bool is_same_interface(const Value& before, const Value& after) {
  if (before.name != after.name) return false;
  if (!before.type.is_tensor() || !after.type.is_tensor()) return true;
  if (before.type.dtype != after.type.dtype) return false;
  if (!before.type.has_shape || !after.type.has_shape) return true;
  return std::ranges::equal(before.type.dims, after.type.dims,
                            [](const Dim& a, const Dim& b) { return a.size == b.size || !a.known() || !b.known(); });
}

using Defaults = std::map<std::string, const google::protobuf::RepeatedPtrField<onnx::AttributeProto>*>;

// A call takes an attribute that it leaves out from the function's own defaults, which the inliner forgets.
void fill_defaults(onnx::NodeProto& call, const Defaults& defaults) {
  const auto found = defaults.find(function_key(call.domain(), call.op_type(), call.overload()));
  if (found == defaults.end()) return;
  for (const onnx::AttributeProto& fallback : *found->second) {
    const bool given = std::ranges::any_of(
        call.attribute(), [&](const onnx::AttributeProto& own) { return own.name() == fallback.name(); });
    if (!given) *call.add_attribute() = fallback;
  }
}

// Depth is bounded by the reader.
void fill_defaults(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, const Defaults& defaults) {
  for (onnx::NodeProto& node : nodes) {
    fill_defaults(node, defaults);
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_g()) fill_defaults(*attribute.mutable_g()->mutable_node(), defaults);
      for (onnx::GraphProto& graph : *attribute.mutable_graphs()) fill_defaults(*graph.mutable_node(), defaults);
    }
  }
}

void fill_defaults(onnx::ModelProto& model) {
  Defaults defaults;  // borrows what the calls, which change, are no part of
  for (const onnx::FunctionProto& function : model.functions())
    defaults[function_key(function.domain(), function.name(), function.overload())] = &function.attribute_proto();
  fill_defaults(*model.mutable_graph()->mutable_node(), defaults);
  for (onnx::FunctionProto& function : *model.mutable_functions()) fill_defaults(*function.mutable_node(), defaults);
}

// What the converter does not keep, so that it would hand back another function without a word.
std::string lost_meaning(const Graph& graph, std::int64_t from, std::int64_t to) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    // Before 13 all axes from `axis` on were one.
    if (node.is("Hardmax") && from < 13 && to >= 13)
      return describe(node, i) + " means something else from opset 13 on";
    for (const Graph* sub : subgraphs_of(node)) {
      if (std::string lost = lost_meaning(*sub, from, to); !lost.empty()) return lost;
    }
  }
  return "";
}

// Before opset 11 Resize and Upsample took the corner of a pixel for its place, and of the nearest the lower one where
// they enlarged, the upper one where they shrank.
Status keep_old_places(Graph& graph) {
  const Uses uses(graph);  // only attributes change
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (!node.is("Resize")) continue;
    node.set("coordinate_transformation_mode", std::string("asymmetric"));
    if (node.string_or("mode", "nearest") != "nearest") continue;
    const Tensor* constant = node.inputs.size() > 2 ? uses.constant(node.inputs[2]) : nullptr;
    const Result<std::vector<double>> scales = constant != nullptr ? to_doubles(*constant) : std::vector<double>();
    const bool shrinks = scales && std::ranges::any_of(*scales, [](double scale) { return scale < 1; });
    const bool enlarges = scales && std::ranges::any_of(*scales, [](double scale) { return scale > 1; });
    if (shrinks && enlarges)
      return Error{Code::kUnsupported, describe(node, i) + " shrinks one axis and enlarges another"};
    node.set("nearest_mode", std::string(shrinks ? "ceil" : "floor"));
  }
  return {};
}

// What the library made of a model that it got without large weights, as a whole and verified model again.
Result<Model> taken_back(const Model& from, onnx::ModelProto&& proto, const std::string& what) {
  ASSIGN_OR_RETURN(FromProto read, from_proto(std::move(proto), {}));
  restore_held_back(from, read.model);
  if (read.model.graph.inputs.size() != from.graph.inputs.size() ||
      read.model.graph.outputs.size() != from.graph.outputs.size()) {
    return Error{Code::kUnsupported, what + "the library lost an input or output"};
  }
  if (!std::ranges::equal(from.graph.inputs, read.model.graph.inputs, is_same_interface) ||
      !std::ranges::equal(from.graph.outputs, read.model.graph.outputs, is_same_interface)) {
    return Error{Code::kUnsupported, what + "the library gave an input or output another type"};
  }
  // What the library calls them holds no names of axes that it does not know, and nothing that only travels.
  read.model.graph.inputs = from.graph.inputs;
  read.model.graph.outputs = from.graph.outputs;
  Status good = sort_nodes(read.model.graph);
  if (good) good = verify(read.model);
  if (!good)
    return Error{Code::kUnsupported, what + "the library left a graph that does not hold: " + good.error().message};
  return std::move(read.model);
}

}  // namespace

std::optional<std::string> official_complaint(const Model& model) {
  try {
    onnx::checker::check_model(to_proto(model, without_large_weights(), nullptr));
    return std::nullopt;
  } catch (const std::exception& failure) {
    return reason_of(failure);
  }
}

Model infer_shapes(Model model) {
  try {
    onnx::ModelProto proto = to_proto(model, without_large_weights(), nullptr);
    onnx::ShapeInferenceOptions options{false, 0, true};  // no type check, tolerate errors, propagate data
    onnx::shape_inference::InferShapes(proto, onnx::OpSchemaRegistry::Instance(), options);
    std::unordered_map<std::string, ValueType> inferred;
    for (const auto& value : proto.graph().value_info()) inferred[value.name()] = type_from_proto(value.type());
    for (Value& value : model.graph.values) {
      const auto found = inferred.find(value.name);
      if (found == inferred.end()) continue;
      value.type = std::move(found->second);
      inferred.erase(found);
    }
    for (const auto& value : proto.graph().value_info()) {
      const auto found = inferred.find(value.name());
      if (found != inferred.end()) model.graph.values.push_back({value.name(), std::move(found->second), ""});
    }
    for (int i = 0; i < proto.graph().output_size(); ++i) {
      Value& output = model.graph.outputs[static_cast<std::size_t>(i)];
      if (!output.type.has_shape) output.type = type_from_proto(proto.graph().output(i).type());
    }
  } catch (const std::exception&) {
    // Types are a help, not a condition: passes that need one do nothing without it.
  }
  return model;
}

Result<Model> convert_opset(const Model& model, std::int64_t opset) {
  if (model.opset() >= opset) return model;
  const std::string what = "the model cannot be converted from opset " + std::to_string(model.opset()) + " to " +
                           std::to_string(opset) + ": ";
  if (has_inner_sparse_weights(model.graph))
    return Error{Code::kUnsupported, what + "a subgraph has sparse initializers"};
  if (!model.functions.empty())
    return Error{Code::kUnsupported,
                 what + "it has functions of its own; inline them first (convert --inline-functions)"};
  if (const std::string lost = lost_meaning(model.graph, model.opset(), opset); !lost.empty())
    return Error{Code::kUnsupported, what + lost};
  try {
    onnx::ModelProto converted = onnx::version_conversion::ConvertVersion(
        to_proto(model, without_large_weights(), nullptr), static_cast<int>(opset));
    ASSIGN_OR_RETURN(Model made, taken_back(model, std::move(converted), what));
    const Status kept = model.opset() < 11 && opset >= 11 ? keep_old_places(made.graph) : Status();
    if (!kept) return Error{kept.error().code, what + kept.error().message};
    return made;
  } catch (const std::exception& failure) {
    return Error{Code::kUnsupported, what + reason_of(failure)};
  }
}

Result<Model> inline_functions(const Model& model) {
  if (model.functions.empty()) return model;
  const std::string what = "the model's functions cannot be inlined: ";
  if (has_inner_sparse_weights(model.graph))
    return Error{Code::kUnsupported, what + "a subgraph has sparse initializers"};
  try {
    // To bring a function to another opset the library asks for the types that it is called with.
    onnx::ModelProto proto = to_proto(infer_shapes(model), without_large_weights(), nullptr);
    fill_defaults(proto);
    onnx::inliner::InlineLocalFunctions(proto, true);
    ASSIGN_OR_RETURN(Model inlined, taken_back(model, std::move(proto), what));
    inlined.graph.values = model.graph.values;
    return inlined;
  } catch (const std::exception& failure) {
    return Error{Code::kUnsupported, what + reason_of(failure)};
  }
}

}  // namespace arete::graph
