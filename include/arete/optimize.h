// The workbench in C++: what a model holds (read_info), and making it smaller and faster, proven (optimize). libarete.
//
//   arete::OptimizeRequest request;
//   request.model_path = "model.onnx";
//   request.output_path = "small.onnx";
//   request.target = "mobile";
//   auto outcome = arete::optimize(request);
//   if (outcome && outcome->success) ...
//
// Not for: running a model (model.h).
// Threads: read_info may be called from several threads; one optimize at a time in a process, because it measures
// latency. Ownership: plain values. Errors: as values, see result.h.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arete/c_optimize.h"
#include "arete/model.h"

namespace arete {
inline namespace v0 {

struct Info {
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<std::pair<std::string, std::int64_t>> ops;  // "Conv", or "domain.Op", and how often
  std::int64_t opset = 0;
  std::int64_t nodes = 0;
  std::int64_t parameters = 0;
  std::uint64_t size_bytes = 0;  // of the file and of what its weights take of files beside it
  std::uint64_t weight_bytes = 0;
  std::optional<std::int64_t> macs;  // of one inference, dynamic axes taken as 1
  std::string warning;               // what the official ONNX checker says against the model
  std::string json;                  // the object of `arete info --json`
};

// What a model takes; texts that stay "" take the value in brackets (c_optimize.h).
struct OptimizeRequest {
  std::string model_path;
  std::string output_path;
  std::string report_path;       // [none]
  std::string card_path;         // [NAME.card.json beside the model]
  std::string calibration_path;  // [none]
  std::string evaluation_path;   // [none]
  std::string target;            // cpu, mobile, iot, browser [cpu]
  std::string level;             // fast, balanced, aggressive [balanced]
  std::string precision;         // auto, fp32, int8 [auto]
  std::uint64_t max_calibration_samples = 0;
  double max_accuracy_drop_points = 1.0;
  std::optional<bool> never_slower;  // nothing: the target's default
  int threads = 0;
  std::vector<std::string> disabled_passes;
  bool verify_passes = false;  // compare outputs after each pass, leave out the rewrites that change them
  std::string engine;
  std::string engine_library;
  // Called in the thread of optimize(), often. What they throw ends the work and comes out of optimize().
  std::function<void(const std::string& step, std::int64_t done, std::int64_t total)> progress;
  std::function<bool()> stop_requested;
};

// One way to store and compute the model, built and judged. Nothing where a number was not measured.
struct Variant {
  std::string name;
  std::string precision;
  std::string why;  // why it was chosen or left out
  bool chosen = false;
  std::uint64_t size_bytes = 0;
  std::optional<double> latency_ms_p50;
  std::optional<double> speedup;
  std::optional<double> accuracy;               // 0 to 1
  std::optional<double> accuracy_delta_points;  // negative: it lost
  std::optional<double> agreement;              // 0 to 1: same answer as the original
  std::optional<double> sqnr_db;
};

struct Outcome {
  bool success = false;  // false: no variant is better; the original was handed back
  std::string verdict;   // one sentence
  std::string model_path;
  Variant original;
  std::vector<Variant> variants;
  std::string json;  // the object of `arete optimize --json`
};

namespace detail {

struct FreeResult {
  void operator()(arete_info* info) const { arete_info_free(info); }
  void operator()(arete_outcome* outcome) const { arete_outcome_free(outcome); }
};

inline std::optional<double> number(double value) {
  return value == value ? std::optional<double>(value) : std::nullopt;  // NaN is not itself
}

inline Variant to_variant(const arete_variant* row) {
  return {row->name,
          row->precision,
          row->why,
          row->chosen != 0,
          row->size_bytes,
          number(row->latency_ms_p50),
          number(row->speedup),
          number(row->accuracy),
          number(row->accuracy_delta_points),
          number(row->agreement),
          number(row->sqnr_db)};
}

// Carries what the caller's functions throw around the C functions.
struct Callbacks {
  const OptimizeRequest& request;
  std::exception_ptr thrown = nullptr;

  template <class Work>
  void guard(const Work& work) {
    try {
      if (!thrown) work();
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  static void progress(void* context, const char* step, std::int64_t done, std::int64_t total) {
    auto& self = *static_cast<Callbacks*>(context);
    self.guard([&] {
      if (self.request.progress) self.request.progress(step, done, total);
    });
  }
  static std::int32_t stop_requested(void* context) {
    auto& self = *static_cast<Callbacks*>(context);
    bool stop = false;
    self.guard([&] { stop = self.request.stop_requested && self.request.stop_requested(); });
    return stop || self.thrown ? 1 : 0;
  }
};

}  // namespace detail

inline Result<Info> read_info(const std::string& path) {
  arete_info* made = nullptr;
  if (arete_status* const status = arete_info_read(path.c_str(), &made)) return detail::take_error(status);
  const std::unique_ptr<arete_info, detail::FreeResult> owned(made);
  Info info;
  for (std::size_t i = 0; i < made->input_count; ++i) info.inputs.push_back(detail::to_info(made->inputs[i]));
  for (std::size_t i = 0; i < made->output_count; ++i) info.outputs.push_back(detail::to_info(made->outputs[i]));
  for (std::size_t i = 0; i < made->op_count; ++i) info.ops.emplace_back(made->op_names[i], made->op_counts[i]);
  info.opset = made->opset;
  info.nodes = made->nodes;
  info.parameters = made->parameters;
  info.size_bytes = made->size_bytes;
  info.weight_bytes = made->weight_bytes;
  if (made->macs >= 0) info.macs = made->macs;
  info.warning = made->warning;
  info.json = made->json;
  return info;
}

// Runs the whole pipeline, which takes seconds to minutes, and writes model, card and report, or after an error none.
inline Result<Outcome> optimize(const OptimizeRequest& request) {
  std::vector<const char*> disabled;
  for (const std::string& pass : request.disabled_passes) disabled.push_back(pass.c_str());
  detail::Callbacks callbacks{request};
  arete_optimize_request wanted = ARETE_OPTIMIZE_REQUEST_INIT;
  wanted.model_path = request.model_path.c_str();
  wanted.output_path = request.output_path.c_str();
  wanted.report_path = detail::or_null(request.report_path);
  wanted.card_path = detail::or_null(request.card_path);
  wanted.calibration_path = detail::or_null(request.calibration_path);
  wanted.evaluation_path = detail::or_null(request.evaluation_path);
  wanted.target = detail::or_null(request.target);
  wanted.level = detail::or_null(request.level);
  wanted.precision = detail::or_null(request.precision);
  wanted.max_calibration_samples = request.max_calibration_samples;
  wanted.max_accuracy_drop_points = request.max_accuracy_drop_points;
  if (request.never_slower) wanted.never_slower = *request.never_slower ? 1 : 0;
  wanted.threads = request.threads;
  wanted.disabled_passes = disabled.data();
  wanted.disabled_pass_count = disabled.size();
  wanted.verify_passes = request.verify_passes ? 1 : 0;
  wanted.engine = detail::or_null(request.engine);
  wanted.engine_library = detail::or_null(request.engine_library);
  wanted.progress = detail::Callbacks::progress;
  wanted.stop_requested = detail::Callbacks::stop_requested;
  wanted.context = &callbacks;
  arete_outcome* made = nullptr;
  arete_status* const status = arete_optimize(&wanted, &made);
  const std::unique_ptr<arete_outcome, detail::FreeResult> owned(made);
  if (callbacks.thrown) {
    arete_status_free(status);
    std::rethrow_exception(callbacks.thrown);
  }
  if (status != nullptr) return detail::take_error(status);
  Outcome outcome{made->success != 0, made->verdict, made->model_path, detail::to_variant(made->original), {},
                  made->json};
  for (std::size_t i = 0; i < made->variant_count; ++i)
    outcome.variants.push_back(detail::to_variant(made->variants[i]));
  return outcome;
}

}  // namespace v0
}  // namespace arete
