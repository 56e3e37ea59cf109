// Appends the reductions that calibration reads: only two numbers a tensor leave the engine, so that
// memory does not grow with activations or samples.
#include "graph/uses.h"
#include "pass/quantize.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Node;

std::string add_reduction(graph::Graph& graph, graph::NameMaker& names, const char* op_type,
                          const std::string& tensor) {
  Node node;
  node.op_type = op_type;
  node.inputs = {tensor};
  node.outputs = {names.make("range")};
  node.set("keepdims", std::int64_t{0});
  graph.outputs.push_back({node.outputs[0], {graph::TypeKind::kTensor, DType::kFloat32, true, {}, ""}, ""});
  graph.nodes.push_back(std::move(node));
  return graph.outputs.back().name;
}

// The result of a Relu is never below 0, and every range holds 0 anyway.
bool never_negative(const graph::Uses& uses, const std::string& tensor) {
  const Node* maker = uses.maker(tensor);
  return maker != nullptr && (maker->is("Relu") || maker->is("Sigmoid") || maker->is("Softmax"));
}

}  // namespace

Result<ObservedModel> observe_ranges(const graph::Model& model, const std::vector<std::string>& tensors) {
  ObservedModel observed{model, {}};
  graph::Graph& graph = observed.model.graph;
  const graph::Uses uses(model.graph);
  graph::NameMaker names(model.graph);
  graph.outputs.clear();
  for (const std::string& tensor : tensors) {
    ObservedModel::Pair pair{tensor, "", ""};
    if (!never_negative(uses, tensor)) pair.min_output = add_reduction(graph, names, "ReduceMin", tensor);
    pair.max_output = add_reduction(graph, names, "ReduceMax", tensor);
    observed.pairs.push_back(std::move(pair));
  }
  remove_dead_code(observed.model.graph);
  return observed;
}

}  // namespace arete::pass
