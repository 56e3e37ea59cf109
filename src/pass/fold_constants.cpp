// Nodes that depend on no input -> weights. All of them are evaluated in one session of the caller's engine, so the
// values are the engine's own; but this machine's rounding is kept in the file, and what an engine computes in a wider
// type inside a chain (float16 in float32) is rounded where the chain is cut.
//
// Left alone: nodes with subgraphs, of unknown domains, that are random, that give a graph output, that quantise or
// dequantise (the engine reads a pattern in them), and those whose result's size is not known beforehand. What is
// folded may not let the model grow by more than kMaxGrowthBytes and a part of its weights: a table that four numbers
// describe stays described.
#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "graph/official.h"
#include "graph/op_table.h"
#include "graph/uses.h"
#include "pass/pass.h"
#include "pass/rewrite.h"

namespace arete::pass {
namespace {

using graph::Model;
using graph::Node;

constexpr std::uint64_t kMaxGrowthBytes = 4096;
constexpr std::uint64_t kGrowthShare = 16;                              // one part in so many of the weights
constexpr std::uint64_t kMaxEvaluatedBytes = std::uint64_t{256} << 20;  // all results of one evaluation
constexpr int kMaxRounds = 4;       // a folded shape may tell the size of what comes after
constexpr int kMaxShrinkSteps = 8;  // within a round

constexpr std::array<std::string_view, 12> kNeverFolded = {
    "RandomNormal",          "RandomNormalLike", "RandomUniform",    "RandomUniformLike",
    "Multinomial",           "Bernoulli",        "DequantizeLinear", "QuantizeLinear",
    "DynamicQuantizeLinear", "Dropout",          "Optional",         "SequenceEmpty"};

std::optional<std::uint64_t> bytes_of(const graph::ValueType& type) {
  if (!type.is_tensor() || !type.has_shape || bits_of(type.dtype) == 0) return std::nullopt;
  const Shape shape = type.shape();
  if (std::ranges::any_of(shape, [](std::int64_t size) { return size < 0; })) return std::nullopt;
  const Result<std::int64_t> count = element_count(shape);
  return count ? std::optional<std::uint64_t>(packed_bytes(type.dtype, *count)) : std::nullopt;
}

// One round: what can be folded, whether it is worth its bytes, its values, the new graph.
class Fold {
 public:
  explicit Fold(const Model& model) : model_(model), typed_(inferred(model)), uses_(model.graph) {
    for (const auto& [name, type] : graph::types_of(typed_.graph)) {
      if (const auto bytes = bytes_of(*type)) bytes_.emplace(name, *bytes);
    }
    for (const graph::Weight& weight : model.graph.weights) bytes_[weight.name] = weight.tensor.size_bytes();
    for (const graph::Value& output : model.graph.outputs) outputs_.insert(output.name);
  }

  Result<int> run(const PassContext& context, Model& result) {
    const auto everything = [](std::size_t) { return true; };
    choose(everything);
    for (int step = 0; !dead_.empty() && grows_too_much(); ++step) {
      if (step == kMaxShrinkSteps) return 0;
      leave_out_largest();
      choose(everything);
    }
    std::vector<bool> chosen;
    chosen.swap(dead_);
    choose([&](std::size_t i) { return chosen[i] && context.gate.admit(model_.graph.nodes[i], i); });
    const std::vector<std::string> kept = frontier();
    if (kept.empty()) return 0;
    ASSIGN_OR_RETURN(std::vector<Tensor> values, values_of(kept, context));
    for (std::size_t i = 0; i < kept.size(); ++i) result.graph.weights.push_back({kept[i], std::move(values[i]), ""});
    std::erase_if(result.graph.values, [this](const graph::Value& value) {
      const std::size_t maker = uses_.maker_index(value.name);
      return maker != SIZE_MAX && dead_[maker];
    });
    remove_nodes(result.graph, dead_);
    return static_cast<int>(std::ranges::count(dead_, true));
  }

 private:
  // What a file claims about its inner tensors is no ground to evaluate them.
  static Model inferred(Model model) {
    model.graph.values.clear();
    return graph::infer_shapes(std::move(model));
  }

  // A Constant node tells its value; the engine computes the others, all in one session.
  Result<std::vector<Tensor>> values_of(const std::vector<std::string>& kept, const PassContext& context) const {
    std::vector<Tensor> values(kept.size());
    std::vector<std::string> computed;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (const Tensor* told = uses_.constant(kept[i]))
        values[i] = *told;
      else
        computed.push_back(kept[i]);
    }
    if (computed.empty()) return values;
    ASSIGN_OR_RETURN(std::vector<Tensor> results, context.evaluate(constant_part(computed)));
    if (results.size() != computed.size()) return Error{Code::kBug, "the evaluator gave another number of results"};
    std::size_t next = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (uses_.constant(kept[i]) == nullptr) values[i] = std::move(results[next++]);
    }
    return values;
  }

  // Every node whose inputs are constant and that is admitted, in running order.
  template <class Admit>
  void choose(const Admit& admit) {
    const auto& nodes = model_.graph.nodes;
    constants_.clear();
    for (const graph::Weight& weight : model_.graph.weights) constants_.insert(weight.name);
    dead_.assign(nodes.size(), false);
    std::uint64_t budget = kMaxEvaluatedBytes;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (left_out_.contains(i) || !is_foldable(nodes[i], budget) || !admit(i)) continue;
      dead_[i] = true;
      for (const std::string& output : nodes[i].outputs) constants_.insert(output);
    }
  }

  bool is_foldable(const Node& node, std::uint64_t& budget) const {
    if (!node.domain.empty() || !subgraphs_of(node).empty() || node.outputs.empty()) return false;
    if (std::ranges::find(kNeverFolded, node.op_type) != kNeverFolded.end()) return false;
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !constants_.contains(input)) return false;
    }
    std::uint64_t bytes = 0;
    for (const std::string& output : node.outputs) {
      if (output.empty()) continue;
      const auto known = bytes_.find(output);
      if (outputs_.contains(output) || known == bytes_.end()) return false;
      bytes += known->second;
    }
    if (bytes > budget) return false;
    budget -= bytes;
    return true;
  }

  // What the rest of the graph reads of the folded nodes.
  std::vector<std::string> frontier() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < dead_.size(); ++i) {
      if (!dead_[i]) continue;
      for (const std::string& output : model_.graph.nodes[i].outputs) {
        if (!output.empty() && is_read_outside(output)) names.push_back(output);
      }
    }
    return names;
  }

  bool is_read_outside(const std::string& tensor) const {
    const std::span<const std::size_t> readers = uses_.readers(tensor);
    return uses_.pinned(tensor) || std::ranges::any_of(readers, [this](std::size_t reader) { return !dead_[reader]; });
  }

  // A Constant node's value lies in the file as a weight's does.
  std::uint64_t freed_bytes() const {
    std::uint64_t freed = 0;
    for (const graph::Weight& weight : model_.graph.weights) {
      if (!uses_.readers(weight.name).empty() && !is_read_outside(weight.name)) freed += weight.tensor.size_bytes();
    }
    for (std::size_t i = 0; i < dead_.size(); ++i) {
      const Node& node = model_.graph.nodes[i];
      if (dead_[i] && node.is("Constant")) freed += bytes_.find(node.outputs[0])->second;
    }
    return freed;
  }

  bool grows_too_much() {
    std::uint64_t weights = 0;
    for (const graph::Weight& weight : model_.graph.weights) weights += weight.tensor.size_bytes();
    std::uint64_t added = 0;
    for (const std::string& name : frontier()) added += bytes_.find(name)->second;
    excess_ = added - std::min(added, freed_bytes() + kMaxGrowthBytes + weights / kGrowthShare);
    return excess_ > 0;
  }

  // The makers of the largest results stay in the graph, as many as the excess takes.
  void leave_out_largest() {
    std::vector<std::pair<std::uint64_t, std::size_t>> makers;
    for (const std::string& name : frontier()) makers.emplace_back(bytes_.find(name)->second, uses_.maker_index(name));
    std::ranges::sort(makers, std::greater<>());
    std::uint64_t left = excess_;
    for (const auto& [bytes, maker] : makers) {
      left_out_.insert(maker);
      if (bytes >= left) break;
      left -= bytes;
    }
  }

  Model constant_part(const std::vector<std::string>& outputs) const {
    Model part;
    part.ir_version = model_.ir_version;
    part.opsets = model_.opsets;
    part.graph.name = "constants";
    std::unordered_set<std::string_view> read;
    for (std::size_t i = 0; i < dead_.size(); ++i) {
      if (!dead_[i]) continue;
      part.graph.nodes.push_back(model_.graph.nodes[i]);
      read.insert(model_.graph.nodes[i].inputs.begin(), model_.graph.nodes[i].inputs.end());
    }
    for (const graph::Weight& weight : model_.graph.weights) {
      if (read.contains(weight.name)) part.graph.weights.push_back(weight);
    }
    const auto types = graph::types_of(typed_.graph);
    for (const std::string& output : outputs) part.graph.outputs.push_back({output, *types.at(output), ""});
    return part;
  }

  const Model& model_;
  const Model typed_;
  const graph::Uses uses_;
  std::unordered_map<std::string_view, std::uint64_t> bytes_;  // of each tensor whose size is known
  std::unordered_set<std::string_view> outputs_;
  std::unordered_set<std::string_view> constants_;
  std::unordered_set<std::size_t> left_out_;
  std::vector<bool> dead_;
  std::uint64_t excess_ = 0;
};

}  // namespace

Result<int> fold_constants(Model& model, const PassContext& context) {
  if (!context.evaluate) return 0;
  int changes = 0;
  for (int round = 0; round < kMaxRounds; ++round) {
    const Model before = model;
    ASSIGN_OR_RETURN(const int folded, Fold(before).run(context, model));
    if (folded == 0) break;
    changes += folded;
  }
  return changes;
}

}  // namespace arete::pass
