// Fuzzes the way of a model through graph/ and pass/: any bytes give a model that keeps its promises
// at each step, or an error with words.
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>

#include "core/check.h"
#include "graph/official.h"
#include "graph/onnx_io.h"
#include "graph/op_table.h"
#include "graph/summary.h"
#include "graph/text.h"
#include "graph/verifier.h"
#include "pass/preset.h"
#include "pass/quantize.h"
#include "pass/runner.h"

using namespace arete;
using namespace arete::graph;

namespace {

constexpr std::size_t kMaxInput = 1 << 18;  // keeps one input fast

// An error names something and is never our own mistake.
void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

// Any location holds the same 4 KiB.
ReadOptions with_external_file() {
  static const SharedBytes file = share_bytes(std::string(4096, 'x'));
  return {[](const std::string&) -> Result<SharedBytes> { return file; }};
}

// As CHECK(result.has_value()), with the words.
template <class T>
void check_good(const Result<T>& result) {
  if (!result) std::cerr << to_string(result.error()) << "\n";
  CHECK(result.has_value());
}

// What is written reads back as the same model, and is written as the same bytes.
void check_round_trip(const Model& model) {
  const Result<WrittenModel> written = write_onnx(model);
  check_good(written);
  const Result<ReadModel> again = read_onnx(std::as_bytes(std::span(written->bytes)));
  check_good(again);
  CHECK(again->frozen_inputs.empty());
  const std::string before = to_text(model);
  const std::string after = to_text(again->model);
  if (before != after) std::cerr << before << after;
  CHECK(before == after);
  const Result<WrittenModel> second = write_onnx(again->model);
  check_good(second);
  CHECK(second->bytes == written->bytes);
  const Result<ReadModel> from_words = from_text(to_text(again->model, {8, true}));
  check_good(from_words);
  CHECK(write_onnx(from_words->model)->bytes == written->bytes);
}

// Stands for an engine: zeros of the type that each output says.
Result<std::vector<Tensor>> zeros(const Model& constant) {
  check_good(verify(constant));
  std::vector<Tensor> values;
  for (const Value& output : constant.graph.outputs) {
    ASSIGN_OR_RETURN(Tensor value, Tensor::zeros(output.type.dtype, output.type.shape()));
    values.push_back(std::move(value));
  }
  return values;
}

void check_inlined(const Model& model) {
  const Result<Model> inlined = inline_functions(model);
  if (!inlined) return check_error(inlined.error());
  check_good(verify(*inlined));
  check_round_trip(*inlined);
}

void check_passes(const Model& model) {
  pass::RunOptions options;
  options.evaluate = zeros;
  for (const pass::PresetRow& preset : pass::all_presets()) {
    Model optimised = model;
    const auto reports = pass::run_passes(optimised, preset.passes, options);
    check_good(reports);
    for (const pass::PassReport& report : *reports) CHECK(report.undone_because.empty());
    CHECK(optimised.graph.inputs.size() == model.graph.inputs.size());
    CHECK(optimised.graph.outputs.size() == model.graph.outputs.size());
  }
}

template <class Quantize>
void check_quantised(Model model, Quantize quantize) {
  const Result<pass::QuantizeReport> report = quantize(model);
  if (!report) return check_error(report.error());
  check_good(verify(model));
  check_round_trip(model);
}

pass::Ranges some_ranges(const Model& model) {
  pass::Ranges ranges;
  for (const std::string& tensor : pass::tensors_to_observe(model)) ranges[tensor] = {-1.0F, 3.0F};
  return ranges;
}

void check_quantisers(const Model& model) {
  Model quantisable = model;
  if (model.opset() >= kOldestOpset && model.opset() < pass::kQuantizeOpset) {
    Result<Model> converted = convert_opset(model, pass::kQuantizeOpset);
    if (!converted) return check_error(converted.error());
    CHECK(converted->opset() == pass::kQuantizeOpset);
    check_round_trip(*converted);
    quantisable = std::move(*converted);
  }
  if (quantisable.opset() < pass::kQuantizeOpset) return;
  check_quantised(quantisable, pass::quantize_weights);
  check_quantised(quantisable, pass::quantize_dynamic);
  check_quantised(quantisable, [](Model& m) { return pass::quantize_static(m, some_ranges(m), {}); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxInput) return 0;
  Result<ReadModel> read = read_onnx(std::as_bytes(std::span(data, size)), with_external_file());
  if (!read) {
    check_error(read.error());
    return 0;
  }
  Model& model = read->model;
  check_round_trip(model);
  const Status sorted = sort_nodes(model.graph);
  const Status good = sorted ? verify(model) : sorted;
  if (!good) {
    check_error(good.error());
    return 0;
  }
  check_round_trip(model);
  CHECK(summarise(model).nodes >= static_cast<std::int64_t>(model.graph.nodes.size()));
  static_cast<void>(official_complaint(model));
  check_inlined(model);
  check_passes(model);
  check_quantisers(model);
  return 0;
}
