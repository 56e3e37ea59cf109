#include "graph/verifier.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "graph/function_table.h"
#include "graph/name_table.h"
#include "graph/op_table.h"

namespace arete::graph {
namespace {

Error invalid(const std::string& what) { return {Code::kInvalid, what}; }
Error unsupported(const std::string& what) { return {Code::kUnsupported, what}; }

// Which names can be seen where we are. Within one graph a name is made once; a subgraph may make an
// outer name anew (the standard forbids it, exporters do it), which its end undoes.
class VisibleNames {
 public:
  void enter() { undo_.emplace_back(); }
  void leave() {
    for (const auto& [name, depth] : undo_.back()) made_at_[name] = depth;
    undo_.pop_back();
  }
  bool has(std::string_view name) const {
    const std::uint32_t number = names_.find(name);
    return number != NameTable::kNone && made_at_[number] != kNowhere;
  }
  // False when this very graph has made it already.
  bool make(std::string_view name) {
    const auto depth = static_cast<int>(undo_.size());
    const std::uint32_t number = names_.add(name);
    if (number == made_at_.size()) made_at_.push_back(kNowhere);
    if (made_at_[number] == depth) return false;
    undo_.back().emplace_back(number, made_at_[number]);
    made_at_[number] = depth;
    return true;
  }

 private:
  static constexpr int kNowhere = -1;
  NameTable names_;
  std::vector<int> made_at_;  // by number of the name: the depth of the graph that made it
  std::vector<std::vector<std::pair<std::uint32_t, int>>> undo_;
};

constexpr std::size_t kMaxImports = 1000;  // each node looks its domain up among them

Status check_imports(const std::vector<OpsetImport>& opsets) {
  if (opsets.size() > kMaxImports)
    return Error{Code::kExhausted, "it imports more than " + std::to_string(kMaxImports) + " operator sets"};
  std::unordered_map<std::string_view, std::int64_t> seen;
  for (const OpsetImport& opset : opsets) {
    const std::string name = opset.domain.empty() ? "ai.onnx" : opset.domain;
    const auto [entry, fresh] = seen.emplace(opset.domain, opset.version);
    if (!fresh && entry->second != opset.version) {
      return invalid("the operators of '" + name + "' are imported twice, as version " + std::to_string(entry->second) +
                     " and as " + std::to_string(opset.version));
    }
    const std::int64_t newest = newest_opset(opset.domain);
    if (newest == 0) continue;  // an unknown domain is the engine's business
    if (opset.version > newest) {
      return unsupported("opset " + std::to_string(opset.version) + " of " + name + " is newer than " +
                         std::to_string(newest) + ", the newest that this build knows; export with an older opset");
    }
    if (opset.version < 1 || (opset.domain.empty() && opset.version < kOldestOpset)) {
      return unsupported("opset " + std::to_string(opset.version) + " of " + name + " is older than " +
                         std::to_string(opset.domain.empty() ? kOldestOpset : 1) +
                         "; convert the model with onnx.version_converter first");
    }
  }
  return {};
}

std::int64_t version_of(const std::vector<OpsetImport>& opsets, std::string_view domain) {
  const auto found = std::ranges::find(opsets, domain, &OpsetImport::domain);
  return found == opsets.end() ? 0 : found->version;
}

Error wrong_number(const char* what, std::size_t got, int least, int most) {
  std::string wanted = std::to_string(least);
  if (most == INT32_MAX)
    wanted += " or more";
  else if (most != least)
    wanted += " to " + std::to_string(most);
  return invalid("it has " + std::to_string(got) + " " + what + ", the operator takes " + wanted);
}

Status check_parameters(const char* what, const std::vector<std::string>& names, const std::vector<ParameterRow>& rows,
                        int least, int most) {
  if (std::cmp_less(names.size(), least) || std::cmp_greater(names.size(), most))
    return wrong_number(what, names.size(), least, most);
  for (std::size_t i = 0; i < std::min(names.size(), rows.size()); ++i) {
    if (names[i].empty() && rows[i].required)
      return invalid("'" + rows[i].name + "' of its " + what + " is left out, but the operator needs it");
  }
  return {};
}

Status check_attributes(const Node& node, const OpRow& row) {
  for (const Attribute& attribute : node.attributes) {
    const auto found = row.attributes.find(attribute.name);
    if (found == row.attributes.end() || !attribute.reference.empty() || attribute.type() == found->second.type)
      continue;
    return invalid("its attribute '" + attribute.name + "' is " + std::string(name_of(attribute.type())) +
                   ", the operator wants " + std::string(name_of(found->second.type)));
  }
  for (const auto& [name, attribute] : row.attributes) {
    if (attribute.required && node.find(name) == nullptr)
      return invalid("the required attribute '" + name + "' is missing");
  }
  return {};
}

// Verifies one scope of operator sets: the model's main graph, or a function's body.
class Verifier {
 public:
  Verifier(const std::vector<OpsetImport>& opsets, const FunctionTable& functions, bool in_function)
      : opsets_(opsets), functions_(functions), in_function_(in_function) {}

  Status graph(const Graph& graph) {
    visible_.enter();
    RETURN_IF_ERROR(inputs_and_weights(graph));
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const Status node = this->node(graph.nodes[i]);
      if (!node) return with_context(node.error(), describe(graph.nodes[i], i));
    }
    for (const Value& output : graph.outputs) {
      if (!visible_.has(output.name)) return invalid("output '" + output.name + "' is made by no node");
      RETURN_IF_ERROR(check_type(output, "output"));
    }
    visible_.leave();
    return {};
  }

 private:
  Status inputs_and_weights(const Graph& graph) {
    for (const Value& input : graph.inputs) {
      if (input.name.empty()) return invalid("an input has no name");
      RETURN_IF_ERROR(check_type(input, "input"));
      RETURN_IF_ERROR(make(input.name, "input"));
    }
    for (const Weight& weight : graph.weights) {
      if (weight.name.empty()) return invalid("an initializer has no name");
      RETURN_IF_ERROR(make(weight.name, "initializer"));
    }
    for (const std::string& weight : graph.sparse_weights) {
      if (weight.empty()) return invalid("a sparse initializer has no name");
      RETURN_IF_ERROR(make(weight, "initializer"));
    }
    for (const Value& value : graph.values) RETURN_IF_ERROR(check_type(value, "tensor"));
    return {};
  }

  static Status check_type(const Value& value, const char* what) {
    Shape known;
    for (const Dim& dim : value.type.dims) {
      if (dim.size < -1)
        return invalid(std::string(what) + " '" + value.name + "' has the negative size " + std::to_string(dim.size));
      known.push_back(std::max<std::int64_t>(dim.size, 1));
    }
    const Result<std::int64_t> count = element_count(known);
    return count ? Status() : Status(with_context(count.error(), std::string(what) + " '" + value.name + "'"));
  }

  Status make(const std::string& name, const char* what) {
    if (visible_.make(name)) return {};
    return invalid(std::string(what) + " '" + name + "' stands twice: every tensor may be made only once");
  }

  Status node(const Node& node) {
    if (node.op_type.empty()) return invalid("it has no operator type");
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !visible_.has(input)) {
        return invalid("its input '" + input + "' is made by no node before it, and is no input or initializer");
      }
    }
    RETURN_IF_ERROR(check_values(node));
    RETURN_IF_ERROR(check_operator(node));
    for (const Graph* sub : subgraphs_of(node)) RETURN_IF_ERROR(graph(*sub));
    for (const std::string& output : node.outputs) {
      if (!output.empty()) RETURN_IF_ERROR(make(output, "tensor"));
    }
    return {};
  }

  // Attributes stand once and say something.
  Status check_values(const Node& node) const {
    std::set<std::string_view> seen;
    for (const Attribute& attribute : node.attributes) {
      if (!seen.insert(attribute.name).second) return invalid("its attribute '" + attribute.name + "' stands twice");
      if (!attribute.reference.empty()) {
        if (!in_function_)
          return invalid("its attribute '" + attribute.name +
                         "' refers to a function's attribute, but it stands in no function");
      } else if (attribute.type() == AttributeType::kNone) {
        return invalid("its attribute '" + attribute.name + "' has no value of a type that this build knows");
      }
    }
    return {};
  }

  Status check_operator(const Node& node) {
    const bool known_domain = newest_opset(node.domain) != 0;
    const std::int64_t opset = version_of(opsets_, node.domain);
    static const std::optional<OpRow> kNoRow;
    const std::optional<OpRow>& row = known_domain && opset != 0 ? schema(node, opset) : kNoRow;
    if (const Function* function = functions_.find(node)) {
      if (row)
        return unsupported("the model has a " + describe(*function->source) +
                           " of its own with the name of an official operator");
      return check_call(node, function->body.graph);
    }
    if (!known_domain) return {};
    if (opset == 0) {
      return invalid("the model does not import the operators of '" + (node.domain.empty() ? "ai.onnx" : node.domain) +
                     "' (add them to opset_import)");
    }
    if (!row) {
      return unsupported("there is no operator " + node.op_type + " in opset " + std::to_string(opset) +
                         (node.domain.empty() ? "" : " of " + node.domain));
    }
    // One that was deprecated when it came (GroupNormalization 18) can be run all the same.
    const bool removed = row->deprecated && find_op(node.domain, node.op_type, row->since_version - 1).has_value();
    if (removed) return unsupported("the operator was removed before opset " + std::to_string(opset));
    RETURN_IF_ERROR(check_parameters("inputs", node.inputs, row->inputs, row->min_inputs, row->max_inputs));
    RETURN_IF_ERROR(check_parameters("outputs", node.outputs, row->outputs, row->min_outputs, row->max_outputs));
    return check_attributes(node, *row);
  }

  static Status check_call(const Node& node, const Graph& body) {
    if (node.inputs.size() > body.inputs.size())
      return wrong_number("inputs", node.inputs.size(), 0, static_cast<int>(body.inputs.size()));
    if (node.outputs.size() > body.outputs.size())
      return wrong_number("outputs", node.outputs.size(), 0, static_cast<int>(body.outputs.size()));
    return {};
  }

  const std::optional<OpRow>& schema(const Node& node, std::int64_t opset) {
    auto [entry, fresh] = schemas_.try_emplace(node.domain + "\n" + node.op_type);
    if (fresh) entry->second = find_op(node.domain, node.op_type, opset);
    return entry->second;
  }

  const std::vector<OpsetImport>& opsets_;
  const FunctionTable& functions_;
  const bool in_function_;
  VisibleNames visible_;
  std::unordered_map<std::string, std::optional<OpRow>> schemas_;
};

}  // namespace

Status verify(const Model& model) {
  if (model.opsets.empty()) return invalid("the model imports no operator set (opset_import is empty)");
  if (model.ir_version > newest_ir_version()) {
    return unsupported("IR version " + std::to_string(model.ir_version) + " is newer than " +
                       std::to_string(newest_ir_version()) +
                       ", the newest that this build knows; export with an older one");
  }
  RETURN_IF_ERROR(check_imports(model.opsets));
  FunctionTable functions;
  RETURN_IF_ERROR(functions.read(model));
  for (const auto& [key, function] : functions) {
    Status good = check_imports(function.body.opsets);
    if (good) good = Verifier(function.body.opsets, functions, true).graph(function.body.graph);
    if (!good) return with_context(good.error(), describe(*function.source));
  }
  RETURN_IF_ERROR(functions.check_calls(model.graph));
  return Verifier(model.opsets, functions, false).graph(model.graph);
}

}  // namespace arete::graph
