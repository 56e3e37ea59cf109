#include "tests/random_graph/trial.h"

#include <algorithm>
#include <set>

#include "graph/onnx_io.h"
#include "graph/text.h"
#include "graph/uses.h"
#include "graph/verifier.h"

namespace arete::test {
namespace {

// The nodes as they stand, one thread: equal graphs give equal bits.
Result<std::vector<Tensor>> outputs_of(const graph::Model& model, const std::vector<NamedTensor>& inputs,
                                       engine::Engine& engine) {
  ASSIGN_OR_RETURN(graph::WrittenModel written, graph::write_onnx(model));
  engine::SessionOptions options;
  options.threads = 1;
  options.optimise = false;
  ASSIGN_OR_RETURN(const auto session,
                   engine.open(engine::ModelSource::from_bytes(std::move(written.bytes), "random"), options));
  return session->run(inputs);
}

Status same_outputs(const RandomModel& random, const graph::Model& after, const proof::Tolerance& tolerance,
                    engine::Engine& engine, const std::vector<Tensor>& wanted) {
  RETURN_IF_ERROR(graph::verify(after));
  ASSIGN_OR_RETURN(const std::vector<Tensor> got, outputs_of(after, random.inputs, engine));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    RETURN_IF_ERROR(proof::check_match(random.model.graph.outputs[i].name, wanted[i], got[i], tolerance));
  return {};
}

// Nodes that no output needs go, and the weights and inputs that only they read.
void drop_unread(RandomModel& random) {
  graph::Graph& graph = random.model.graph;
  std::set<std::string, std::less<>> needed;
  for (const graph::Value& output : graph.outputs) needed.insert(output.name);
  std::vector<graph::Node> kept;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    graph::Node& node = graph.nodes[i];
    const bool read = std::ranges::any_of(node.outputs, [&](const auto& name) { return needed.contains(name); });
    if (!read) continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    for (const std::string_view name : graph::captured_names(node)) needed.insert(std::string(name));
    kept.push_back(std::move(node));
  }
  std::ranges::reverse(kept);
  graph.nodes = std::move(kept);
  std::erase_if(graph.weights, [&](const graph::Weight& weight) { return !needed.contains(weight.name); });
  std::erase_if(graph.inputs, [&](const graph::Value& input) { return !needed.contains(input.name); });
  std::erase_if(random.inputs, [&](const NamedTensor& input) { return !needed.contains(input.name); });
}

// What each tensor of the main graph is on these inputs.
std::vector<NamedTensor> all_values(const RandomModel& random, engine::Engine& engine) {
  graph::Model model = random.model;
  model.graph.outputs.clear();
  for (const graph::Node& node : model.graph.nodes) {
    for (const std::string& name : node.outputs) {
      if (!name.empty()) model.graph.outputs.push_back({name, {}, ""});
    }
  }
  const Result<std::vector<Tensor>> outputs = outputs_of(model, random.inputs, engine);
  std::vector<NamedTensor> values;
  for (std::size_t i = 0; outputs && i < outputs->size(); ++i)
    values.push_back({model.graph.outputs[i].name, (*outputs)[i]});
  return values;
}

// Instead of the node, inputs with the values that it gave.
std::optional<RandomModel> without_node(const RandomModel& random, std::size_t index,
                                        const std::vector<NamedTensor>& values) {
  RandomModel smaller = random;
  const graph::Node node = smaller.model.graph.nodes[index];
  for (const std::string& name : node.outputs) {
    const auto output = std::ranges::find(random.model.graph.outputs, name, &graph::Value::name);
    const auto value = std::ranges::find(values, name, &NamedTensor::name);
    if (output != random.model.graph.outputs.end() || value == values.end()) return std::nullopt;
    graph::ValueType type{graph::TypeKind::kTensor, value->tensor.dtype(), true, {}, ""};
    for (const std::int64_t size : value->tensor.shape()) type.dims.push_back({size, ""});
    smaller.model.graph.inputs.push_back({name, std::move(type), ""});
    smaller.inputs.push_back(*value);
  }
  smaller.model.graph.nodes.erase(smaller.model.graph.nodes.begin() + static_cast<std::ptrdiff_t>(index));
  drop_unread(smaller);
  return smaller;
}

class Shrinker {
 public:
  Shrinker(const Rewrite& rewrite, engine::Engine& engine) : rewrite_(rewrite), engine_(engine) {}

  RandomModel shrink(RandomModel random) {
    for (bool smaller = true; smaller;) smaller = drop_output(random) || drop_node(random);
    return random;
  }

 private:
  bool take(const RandomModel& candidate, RandomModel& random) {
    if (!fault_of(candidate, rewrite_, engine_)) return false;
    random = candidate;
    return true;
  }

  bool drop_output(RandomModel& random) {
    for (std::size_t i = 0; random.model.graph.outputs.size() > 1 && i < random.model.graph.outputs.size(); ++i) {
      RandomModel smaller = random;
      smaller.model.graph.outputs.erase(smaller.model.graph.outputs.begin() + static_cast<std::ptrdiff_t>(i));
      drop_unread(smaller);
      if (take(smaller, random)) return true;
    }
    return false;
  }

  // From the front: what feeds the fault becomes inputs. An output may move to the front of its maker.
  bool drop_node(RandomModel& random) {
    const std::vector<NamedTensor> values = all_values(random, engine_);
    for (std::size_t i = 0; i < random.model.graph.nodes.size(); ++i) {
      const auto smaller = without_node(random, i, values);
      if (smaller && take(*smaller, random)) return true;
      if (hand_out_earlier(random, i)) return true;
    }
    return false;
  }

  // The inputs of a node that gives an output become the outputs.
  bool hand_out_earlier(RandomModel& random, std::size_t index) {
    const graph::Node& node = random.model.graph.nodes[index];
    for (const std::string& name : node.inputs) {
      const bool made = std::ranges::any_of(random.model.graph.nodes, [&](const graph::Node& other) {
        return std::ranges::find(other.outputs, name) != other.outputs.end();
      });
      if (name.empty() || !made || random.model.graph.nodes.size() < 2) continue;
      RandomModel smaller = random;
      smaller.model.graph.outputs = {{name, {}, ""}};
      drop_unread(smaller);
      if (smaller.model.graph.nodes.size() < random.model.graph.nodes.size() && take(smaller, random)) return true;
    }
    return false;
  }

  const Rewrite& rewrite_;
  engine::Engine& engine_;
};

}  // namespace

std::optional<std::string> fault_of(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine,
                                    std::string* broken) {
  const Status valid = graph::verify(random.model);
  const Result<std::vector<Tensor>> wanted =
      valid ? outputs_of(random.model, random.inputs, engine) : Result<std::vector<Tensor>>(valid.error());
  if (!wanted) {
    if (broken != nullptr) *broken = wanted.error().message;
    return std::nullopt;
  }
  graph::Model after = random.model;
  Status good = rewrite.apply(after);
  if (good) good = same_outputs(random, after, rewrite.tolerance, engine, *wanted);
  return good ? std::nullopt : std::optional(good.error().message);
}

RandomModel shrunk(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine) {
  return Shrinker(rewrite, engine).shrink(random);
}

std::string described(const RandomModel& random, const Rewrite& rewrite, engine::Engine& engine) {
  const RandomModel small = shrunk(random, rewrite, engine);
  graph::Model after = small.model;
  const Status applied = rewrite.apply(after);
  std::string text = rewrite.name + ": " + fault_of(small, rewrite, engine).value_or("?") + "\n--- shrunk\n" +
                     graph::to_text(small.model, {64, true}) + "--- after " + rewrite.name + "\n" +
                     (applied ? graph::to_text(after, {64, true}) : applied.error().message + "\n");
  for (const NamedTensor& input : small.inputs) {
    graph::Model shown;  // its text shows a tensor
    shown.graph.weights = {{input.name, input.tensor, ""}};
    const std::string whole = graph::to_text(shown, {64, true});
    text += "--- input" + whole.substr(whole.find("weight ") + 6, whole.rfind('}') - whole.find("weight ") - 6);
  }
  return text;
}

}  // namespace arete::test
