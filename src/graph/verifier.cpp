#include "graph/verifier.h"

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "graph/op_table.h"

namespace arete::graph {
namespace {

using Names = std::unordered_set<std::string_view>;

Error invalid(const std::string& what) { return {Code::kInvalid, what}; }

// Calls visit(subgraph) for every subgraph of a node.
template <class Visit>
Status for_subgraphs(const Node& node, Visit visit) {
  for (const Attribute& attribute : node.attributes) {
    if (const auto* one = std::get_if<std::shared_ptr<const Graph>>(&attribute.value)) RETURN_IF_ERROR(visit(**one));
    if (const auto* many = std::get_if<std::vector<std::shared_ptr<const Graph>>>(&attribute.value)) {
      for (const auto& graph : *many) RETURN_IF_ERROR(visit(*graph));
    }
  }
  return {};
}

class Verifier {
 public:
  explicit Verifier(const Model& model) : model_(model) {
    for (const OpaqueFunction& function : model.functions) functions_.insert(function.domain + "\n" + function.name);
  }

  Status opsets() const {
    if (model_.opsets.empty()) return invalid("the model imports no operator set");
    for (const OpsetImport& opset : model_.opsets) {
      const std::int64_t newest = newest_opset(opset.domain);
      if (newest == 0) continue;  // an unknown domain is the engine's business
      if (opset.version > newest) {
        return Error{Code::kUnsupported, "opset " + std::to_string(opset.version) + " is newer than " + std::to_string(newest) +
                                             ", the newest that this build knows; export with an older opset"};
      }
      if (opset.version < 1 || (opset.domain.empty() && opset.version < kOldestOpset)) {
        return Error{Code::kUnsupported, "opset " + std::to_string(opset.version) + " is older than " + std::to_string(kOldestOpset) +
                                             "; convert the model with onnx.version_converter first"};
      }
    }
    return {};
  }

  Status graph(const Graph& graph, const Names& outer) {
    Names made = outer;
    for (const Value& input : graph.inputs) {
      if (input.name.empty()) return invalid("an input has no name");
      RETURN_IF_ERROR(check_type(input, "input"));
      RETURN_IF_ERROR(add(made, outer, input.name, "input"));
    }
    for (const Weight& weight : graph.weights) {
      if (weight.name.empty()) return invalid("an initializer has no name");
      RETURN_IF_ERROR(add(made, outer, weight.name, "initializer"));
    }
    made.insert(graph.sparse_weights.begin(), graph.sparse_weights.end());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const Status node = this->node(graph.nodes[i], made, outer);
      if (!node) return with_context(node.error(), describe(graph.nodes[i], i));
    }
    for (const Value& output : graph.outputs) {
      if (!made.contains(output.name)) return invalid("output '" + output.name + "' is made by no node");
      RETURN_IF_ERROR(check_type(output, "output"));
    }
    return {};
  }

 private:
  static Status check_type(const Value& value, const char* what) {
    for (const Dim& dim : value.type.dims) {
      if (dim.size < -1) return invalid(std::string(what) + " '" + value.name + "' has the negative size " + std::to_string(dim.size));
      if (dim.size > kMaxTensorBytes) return invalid(std::string(what) + " '" + value.name + "' has the impossible size " + std::to_string(dim.size));
    }
    return {};
  }

  // Within one graph a name is made once; a subgraph may shadow an outer name in practice.
  static Status add(Names& made, const Names& outer, const std::string& name, const char* what) {
    if (!made.insert(name).second && !outer.contains(name)) {
      return invalid(std::string(what) + " '" + name + "' stands twice: every tensor may be made only once");
    }
    return {};
  }

  Status node(const Node& node, Names& made, const Names& outer) {
    if (node.op_type.empty()) return invalid("it has no operator type");
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !made.contains(input)) {
        return invalid("its input '" + input + "' is made by no node before it, and is no input or initializer");
      }
    }
    RETURN_IF_ERROR(check_schema(node));
    RETURN_IF_ERROR(for_subgraphs(node, [&](const Graph& sub) { return graph(sub, made); }));
    for (const std::string& output : node.outputs) {
      if (!output.empty()) RETURN_IF_ERROR(add(made, outer, output, "tensor"));
    }
    return {};
  }

  Status check_schema(const Node& node) {
    if (functions_.contains(node.domain + "\n" + node.op_type)) return {};
    const std::int64_t opset = model_.opset(node.domain);
    if (newest_opset(node.domain) == 0) return {};
    if (opset == 0) return invalid("the model does not import the domain '" + node.domain + "' (add it to opset_import)");
    const std::optional<OpRow>& row = schema(node, opset);
    if (!row) {
      return Error{Code::kUnsupported, "there is no operator " + node.op_type + " in opset " + std::to_string(opset) +
                                           (node.domain.empty() ? "" : " of " + node.domain)};
    }
    return check_row(node, *row, opset);
  }

  static Status check_row(const Node& node, const OpRow& row, std::int64_t opset) {
    const auto inputs = static_cast<int>(node.inputs.size());
    const auto outputs = static_cast<int>(node.outputs.size());
    if (row.deprecated) return Error{Code::kUnsupported, "the operator was removed before opset " + std::to_string(opset)};
    if (inputs < row.min_inputs || inputs > row.max_inputs) return wrong_number("inputs", inputs, row.min_inputs, row.max_inputs);
    if (outputs < row.min_outputs || outputs > row.max_outputs) return wrong_number("outputs", outputs, row.min_outputs, row.max_outputs);
    for (const AttributeRow& attribute : row.attributes) {
      if (attribute.required && node.find(attribute.name) == nullptr) return invalid("the required attribute '" + attribute.name + "' is missing");
    }
    return {};
  }

  static Error wrong_number(const char* what, int got, int least, int most) {
    std::string wanted = std::to_string(least);
    if (most == INT32_MAX) wanted += " or more";
    else if (most != least) wanted += " to " + std::to_string(most);
    return invalid("it has " + std::to_string(got) + " " + what + ", the operator takes " + wanted);
  }

  const std::optional<OpRow>& schema(const Node& node, std::int64_t opset) {
    auto [entry, fresh] = schemas_.try_emplace(node.domain + "\n" + node.op_type);
    if (fresh) entry->second = find_op(node.domain, node.op_type, opset);
    return entry->second;
  }

  const Model& model_;
  std::unordered_set<std::string> functions_;
  std::unordered_map<std::string, std::optional<OpRow>> schemas_;
};

// Names that a node needs from its own graph: its inputs and what its subgraphs capture.
void collect_needs(const Node& node, std::vector<std::string_view>& needs) {
  needs.insert(needs.end(), node.inputs.begin(), node.inputs.end());
  const auto collect = [&](const Graph& sub) {
    for (const Node& inner : sub.nodes) collect_needs(inner, needs);
    for (const Value& output : sub.outputs) needs.push_back(output.name);
    return Status();
  };
  static_cast<void>(for_subgraphs(node, collect).has_value());
}

}  // namespace

Status verify(const Model& model) {
  Verifier verifier(model);
  RETURN_IF_ERROR(verifier.opsets());
  return verifier.graph(model.graph, {});
}

Status sort_nodes(Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::unordered_map<std::string_view, std::size_t> maker;
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (!output.empty()) maker.emplace(output, i);
    }
  }
  std::vector<std::vector<std::size_t>> users(count);
  std::vector<std::size_t> waits(count, 0);
  bool in_order = true;
  std::vector<std::string_view> needs;
  for (std::size_t i = 0; i < count; ++i) {
    needs.clear();
    collect_needs(graph.nodes[i], needs);
    for (const std::string_view need : needs) {
      const auto found = maker.find(need);
      if (found == maker.end()) continue;
      users[found->second].push_back(i);
      ++waits[i];
      in_order &= found->second < i;
    }
  }
  if (in_order) return {};
  // The lowest ready index first keeps the author's order wherever it is possible.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waits[i] == 0) ready.push(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const std::size_t user : users[next]) {
      if (--waits[user] == 0) ready.push(user);
    }
  }
  if (order.size() != count) {
    const auto stuck = static_cast<std::size_t>(std::ranges::find_if(waits, [](std::size_t wait) { return wait > 0; }) - waits.begin());
    return Error{Code::kInvalid, describe(graph.nodes[stuck], stuck) + ": the graph has a cycle through it; a node cannot use its own result"};
  }
  std::vector<Node> sorted;
  sorted.reserve(count);
  for (const std::size_t index : order) sorted.push_back(std::move(graph.nodes[index]));
  graph.nodes = std::move(sorted);
  return {};
}

}  // namespace arete::graph
