#include "graph/function_table.h"

#include <algorithm>

#include "graph/proto.h"
#include "graph/verifier.h"

namespace arete::graph {
namespace {

Error too_deep() {
  return {Code::kExhausted, "functions call one another more than " + std::to_string(kMaxCallDepth) + " deep"};
}

std::int64_t count_nodes(const Graph& graph) {
  auto count = static_cast<std::int64_t>(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    for (const Graph* sub : subgraphs_of(node)) count += count_nodes(*sub);
  }
  return count;
}

}  // namespace

std::string function_key(const std::string& domain, const std::string& name, const std::string& overload) {
  return (domain == "ai.onnx" ? "" : domain) + "\n" + name + "\n" + overload;
}

std::string describe(const OpaqueFunction& function) {
  return "function '" + (function.domain.empty() ? "" : function.domain + ".") + function.name + "'";
}

Status FunctionTable::read(const Model& model) {
  for (const OpaqueFunction& function : model.functions) {
    if (function.name.empty()) return Error{Code::kInvalid, "a function has no name"};
    Result<Model> body = function_body(function);
    if (!body) return with_context(body.error(), describe(function));
    const auto [entry, fresh] = functions_.try_emplace(function_key(function.domain, function.name, function.overload));
    if (!fresh) return Error{Code::kInvalid, describe(function) + " stands twice"};
    entry->second.source = &function;
    entry->second.body = std::move(*body);
  }
  return {};
}

const Function* FunctionTable::find(const Node& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(function_key(node.domain, node.op_type, node.overload));
  return found == functions_.end() ? nullptr : &found->second;
}

Status FunctionTable::check_calls(const Graph& main) {
  if (functions_.empty()) return {};
  for (auto& [key, function] : functions_) RETURN_IF_ERROR(measure(function, 0));
  std::int64_t nodes = 0;
  int height = 0;
  return add_calls(main, 0, nodes, height);
}

// Depth is bounded by kMaxCallDepth.
Status FunctionTable::measure(Function& function, int depth) {
  if (function.walk == Function::Walk::kDone) return {};
  if (function.walk == Function::Walk::kOpen)
    return Error{Code::kInvalid, describe(*function.source) + " calls itself"};
  if (depth > kMaxCallDepth) return too_deep();
  function.walk = Function::Walk::kOpen;
  function.expanded_nodes = count_nodes(function.body.graph);
  RETURN_IF_ERROR(add_calls(function.body.graph, depth, function.expanded_nodes, function.height));
  function.walk = Function::Walk::kDone;
  return {};
}

Status FunctionTable::add_calls(const Graph& graph, int depth, std::int64_t& nodes, int& height) {
  for (const Node& node : graph.nodes) {
    for (const Graph* sub : subgraphs_of(node)) RETURN_IF_ERROR(add_calls(*sub, depth, nodes, height));
    auto* callee = const_cast<Function*>(find(node));
    if (callee == nullptr) continue;
    RETURN_IF_ERROR(measure(*callee, depth + 1));
    height = std::max(height, callee->height + 1);
    nodes += callee->expanded_nodes;
    if (height > kMaxCallDepth) return too_deep();
    if (nodes > kMaxExpandedNodes) {
      return Error{Code::kExhausted,
                   "the calls of functions stand for more than " + std::to_string(kMaxExpandedNodes) + " nodes"};
    }
  }
  return {};
}

}  // namespace arete::graph
