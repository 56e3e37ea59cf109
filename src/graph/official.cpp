#include "graph/official.h"

#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <exception>
#include <unordered_map>
#include <unordered_set>

#include "graph/proto.h"

namespace arete::graph {
namespace {

constexpr std::size_t kMaxOfficialWeightBytes = 1024;

ToProtoOptions without_large_weights() { return {kMaxOfficialWeightBytes, {}}; }

// The first line of what the library threw, without its internal names.
std::string reason_of(const std::exception& failure) {
  std::string text = failure.what();
  text = text.substr(0, text.find('\n'));
  return text.empty() ? "no reason given" : text;
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
  const std::string what = "the model cannot be converted from opset " + std::to_string(model.opset()) + " to " + std::to_string(opset) + ": ";
  try {
    onnx::ModelProto converted =
        onnx::version_conversion::ConvertVersion(to_proto(model, without_large_weights(), nullptr), static_cast<int>(opset));
    ASSIGN_OR_RETURN(FromProto read, from_proto(std::move(converted), {}));
    Graph& graph = read.model.graph;
    // Weights that were held back came out as inputs: put them in their old place.
    std::unordered_set<std::string> real_inputs;
    for (const Value& input : model.graph.inputs) real_inputs.insert(input.name);
    std::erase_if(graph.inputs, [&](const Value& input) { return !real_inputs.contains(input.name); });
    std::unordered_set<std::string> kept;
    for (const Weight& weight : graph.weights) kept.insert(weight.name);
    for (const Weight& weight : model.graph.weights) {
      if (weight.tensor.size_bytes() > kMaxOfficialWeightBytes && !kept.contains(weight.name)) graph.weights.push_back(weight);
    }
    if (graph.inputs.size() != model.graph.inputs.size() || graph.outputs.size() != model.graph.outputs.size()) {
      return Error{Code::kUnsupported, what + "the converter lost an input or output"};
    }
    read.model.metadata = model.metadata;
    read.model.producer_name = model.producer_name;
    read.model.producer_version = model.producer_version;
    read.model.functions = model.functions;
    return std::move(read.model);
  } catch (const std::exception& failure) {
    return Error{Code::kUnsupported, what + reason_of(failure)};
  }
}

}  // namespace arete::graph
