#include "tests/conformance/trial.h"

#include <algorithm>

#include "engine/onnxruntime/onnxruntime.h"
#include "graph/official.h"
#include "graph/onnx_io.h"
#include "graph/text.h"
#include "graph/verifier.h"

namespace arete::conformance {
namespace {

constexpr std::size_t kMaxReason = 110;
constexpr std::size_t kMaxNodesShown = 30;
constexpr std::string_view kSourceName = "model";

// "" where each input and output is a tensor of numbers.
std::string not_numeric(const graph::Graph& graph) {
  std::vector<graph::Value> values = graph.inputs;
  values.insert(values.end(), graph.outputs.begin(), graph.outputs.end());
  for (const graph::Value& value : values) {
    if (value.type.kind == graph::TypeKind::kOpaque) return "no tensor ('" + value.name + "')";
    if (value.type.dtype == DType::kString) return "strings ('" + value.name + "')";
  }
  return "";
}

bool has_halves(const graph::Model& model) {
  const graph::Model typed = graph::infer_shapes(model);
  const auto is_half = [](const graph::Value& value) { return value.type.dtype == DType::kFloat16; };
  return std::ranges::any_of(typed.graph.values, is_half) || std::ranges::any_of(typed.graph.inputs, is_half) ||
         std::ranges::any_of(typed.graph.outputs, is_half);
}

bool computes_nothing(const graph::Graph& graph) {
  return std::ranges::all_of(graph.nodes, [](const graph::Node& node) { return node.is("Identity"); });
}

std::string reason(std::string words) {
  const std::string place = "'" + std::string(kSourceName) + "': ";
  if (words.starts_with(place)) words.erase(0, place.size());
  std::ranges::replace(words, '\n', ' ');
  if (words.size() > kMaxReason) words = words.substr(0, kMaxReason) + "...";
  return words;
}

}  // namespace

std::unique_ptr<engine::Engine> make_engine() {
  auto made = engine::make_onnxruntime({{std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"}});
  CHECK(made.has_value());
  return std::move(*made);
}

Result<Outputs> Trial::run(const SharedBytes& model, bool optimise) {
  engine::SessionOptions options;
  options.threads = 1;
  options.optimise = optimise;
  ASSIGN_OR_RETURN(const auto session, engine_.open({model, "", std::string(kSourceName)}, options));
  ++tally_["sessions"];
  std::vector<NamedTensor> inputs;  // those of the session alone: a case may give constants too
  for (const NamedTensor& input : inputs_) {
    if (std::ranges::count(session->inputs(), input.name, &engine::ValueInfo::name) > 0) inputs.push_back(input);
  }
  ASSIGN_OR_RETURN(std::vector<Tensor> tensors, session->run(inputs));
  Outputs outputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    outputs.push_back({session->outputs()[i].name, std::move(tensors[i])});
  }
  return outputs;
}

Result<Outputs> Trial::save_and_run(const graph::Model& model, bool optimise) {
  ASSIGN_OR_RETURN(graph::WrittenModel written, graph::write_onnx(model));
  return run(share_bytes(std::move(written.bytes)), optimise);
}

Result<graph::Model> Trial::rewrite(const RewriteRow& row, const graph::Model& model) {
  const pass::Evaluate evaluate = [this](const graph::Model& constant) -> Result<std::vector<Tensor>> {
    ASSIGN_OR_RETURN(const Outputs outputs, save_and_run(constant, false));
    std::vector<Tensor> tensors;
    for (const NamedTensor& output : outputs) tensors.push_back(output.tensor);
    return tensors;
  };
  return row.rewrite(model, {inputs_, evaluate});
}

// The engine's own optimisations stay off: it opens faster, and what it fuses depends on how a graph is written, so
// that a difference of ours could hide in one of its own, or the reverse.
std::string Trial::judge(const Result<graph::ReadModel>& read) {
  const Result<Outputs> outputs = run(original_, false);
  if (outputs) outputs_ = *outputs;
  const std::string outside = read ? not_numeric(read->model.graph) : "";
  if (!outside.empty()) return "not numeric: " + outside;
  if (!outputs) return "engine cannot: " + reason(outputs.error().message);
  return read ? "run" : "Arete cannot: " + read.error().message;
}

std::string Trial::check(const RewriteRow& row, const graph::Model& model) {
  const std::string name(row.name);
  const Result<graph::Model> rewritten = rewrite(row, model);
  if (!rewritten && row.may_refuse && rewritten.error().code == Code::kUnsupported) {
    ++tally_[name + ": refused"];
    return "";
  }
  if (!rewritten) return name + ": " + to_string(rewritten.error());
  const Result<graph::WrittenModel> written = graph::write_onnx(*rewritten);
  if (!written) return name + ": " + to_string(written.error());
  ++tally_[name];
  if (held_.contains(written->bytes)) return "";  // an equal file cannot run otherwise
  const Result<Outputs> outputs = run(share_bytes(std::string(written->bytes)), false);
  if (!outputs && row.may_refuse && outputs.error().code == Code::kUnsupported) {
    ++tally_[name + ": not for the engine"];
    return "";
  }
  if (!outputs) return name + ": " + to_string(outputs.error()) + texts(model, *rewritten);
  const std::string words = difference(outputs_, *outputs, has_halves(model) ? row.halves : row.likeness);
  if (!words.empty()) return name + ": " + words + texts(model, *rewritten);
  ++tally_[name + ": other bytes"];
  if (rewritten->graph.nodes.size() < model.graph.nodes.size()) ++tally_[name + ": fewer nodes"];
  if (computes_nothing(rewritten->graph)) ++tally_[name + ": nothing left to compute"];
  if (row.likeness == Likeness::kBits) held_.insert(written->bytes);
  return "";
}

std::string Trial::check_saved_as_users_run_it(const graph::ReadModel& read) {
  const Result<Outputs> before = run(original_, true);
  const Result<Outputs> after = save_and_run(read.model, true);
  if (!before && !after) {
    ++tally_["optimised: refused before and after"];
    return "";
  }
  if (!before || !after) return "optimised: " + to_string((before ? after : before).error());
  ++tally_["optimised"];
  const std::string words =
      difference(*before, *after, read.frozen_inputs.empty() ? Likeness::kBits : Likeness::kClose);
  return words.empty() ? "" : "saved, optimised: " + words;
}

Result<graph::ReadModel> read_and_verify(const SharedBytes& bytes) {
  ASSIGN_OR_RETURN(graph::ReadModel read, graph::read_onnx(bytes.view));
  RETURN_IF_ERROR(graph::sort_nodes(read.model.graph));
  RETURN_IF_ERROR(graph::verify(read.model));
  return read;
}

std::string round_trip_fault(const graph::Model& read) {
  const Result<graph::WrittenModel> written = graph::write_onnx(read);
  if (!written) return to_string(written.error());
  const Result<graph::ReadModel> again = graph::read_onnx(std::as_bytes(std::span(written->bytes)));
  if (!again) return to_string(again.error());
  if (graph::to_text(again->model) != graph::to_text(read)) return "another text" + texts(read, again->model);
  const Result<graph::WrittenModel> twice = graph::write_onnx(again->model);
  if (!twice || twice->bytes != written->bytes) return "other bytes when written again";
  const Result<graph::ReadModel> from_text = graph::from_text(graph::to_text(read, {.complete = true}));
  if (!from_text) return "the text does not read: " + to_string(from_text.error());
  const Result<graph::WrittenModel> third = graph::write_onnx(from_text->model);
  return third && third->bytes == written->bytes ? "" : "other bytes by way of the text";
}

std::string texts(const graph::Model& before, const graph::Model& after) {
  if (std::max(before.graph.nodes.size(), after.graph.nodes.size()) > kMaxNodesShown) return "";
  return "\n--- before\n" + graph::to_text(before) + "--- after\n" + graph::to_text(after);
}

}  // namespace arete::conformance
