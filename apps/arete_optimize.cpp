// `arete optimize MODEL -o OUT`: smaller and faster, proven, or handed back unchanged.
#include <array>
#include <cstdio>
#include <iostream>

#include "apps/cards.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "apps/limits.h"
#include "apps/verbs.h"
#include "optimize/pipeline.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "pass/pass.h"

namespace arete::apps {
namespace {

struct Options {
  optimize::Request request;
  std::string precision = "auto";
  std::string card_path;
  EngineChoice engine;
  Limits limits;
  std::vector<std::string> disabled;
  bool never_slower = false;
  bool allow_slower = false;
  bool json = false;
};

void add_options(CLI::App& app, Options& o) {
  optimize::Request& r = o.request;
  app.add_option("MODEL", r.model_path, "an .onnx file")->required();
  app.add_option("-o,--output", r.output_path, "the optimised model; its card goes beside it")->required();
  app.add_option("--level", r.level, "graph passes: fast, balanced, aggressive (arete passes)")
      ->check(CLI::IsMember({"fast", "balanced", "aggressive"}))
      ->capture_default_str();
  app.add_option("--target", r.target, "cpu: fastest here; mobile, iot, browser: smallest")
      ->check(CLI::IsMember({"cpu", "mobile", "iot", "browser"}))
      ->capture_default_str();
  app.add_option("--precision", o.precision, "auto tries what the target allows (fp16 and int4: not yet)")
      ->check(CLI::IsMember({"auto", "fp32", "fp16", "int8", "int4"}))
      ->capture_default_str();
  app.add_option("--calibration", r.calibration_path,
                 "DATA for static int8: a folder of class folders of images, .npz or .csv");
  app.add_option("--evaluation", r.evaluation_path,
                 "DATA with labels, other samples than --calibration, to measure accuracy on");
  app.add_option("--calibration-samples", r.max_calibration_samples, "at most so many (default: all)")
      ->check(CLI::Range(1, 1000000000));
  app.add_option("--max-accuracy-drop", r.max_accuracy_drop_points, "percentage points a variant may lose")
      ->check(is_percent)
      ->capture_default_str();
  CLI::Option* const never = app.add_flag("--never-slower", o.never_slower,
                                          "hand back nothing that is slower than the original (default for cpu)");
  app.add_flag("--allow-slower", o.allow_slower, "the opposite (default for mobile, iot, browser)")->excludes(never);
  std::vector<std::string> passes;
  for (const pass::PassRow& row : pass::all_passes()) passes.emplace_back(row.name);
  app.add_option("--disable-pass", o.disabled, "leave a graph pass out (arete passes)")
      ->check(CLI::IsMember(passes))
      ->allow_extra_args(false);
  app.add_flag("--verify-passes", r.verify_passes,
               "compare the outputs after each graph pass, find and leave out the rewrites that change them");
  app.add_option("--card", o.card_path, "model card (default: NAME.card.json beside the model)");
  app.add_option("--report", r.report_path, "an HTML page that shows what was measured");
  add_engine_options(app, o.engine);
  add_memory_limit(app, o.limits, "no limit");
  add_json_option(app, o.json);
  app.footer(
      "\nDATA is a folder with a folder of images for each class, an .npz (an array for each input, or x; labels y),\n"
      "or a CSV with a column 'label'. The model card says how images become inputs (docs/formats/card.md).\n\n"
      "Smallest for phones, judged on samples that were kept apart:\n"
      "  arete optimize model.onnx -o small.onnx --target mobile --calibration train/ --evaluation test/ \\\n"
      "    --report report.html\n"
      "Fastest on this machine:\n"
      "  arete optimize model.onnx -o fast.onnx --calibration samples.npz");
}

Result<optimize::Outcome> run(Options& o, ProgressLine& line) {
  if (o.precision == "fp16" || o.precision == "int4")
    return Error{Code::kUnsupported, "--precision " + o.precision + " is not built yet; use auto, fp32 or int8"};
  o.request.precision = optimize::precision_from_name(o.precision).value_or(optimize::Precision::kAuto);
  if (o.never_slower || o.allow_slower) o.request.never_slower = o.never_slower;
  o.request.disabled_passes.insert(o.disabled.begin(), o.disabled.end());
  RETURN_IF_ERROR(limit_memory(o.limits, 0));
  ASSIGN_OR_RETURN(o.request.card, load_card(o.card_path, o.request.model_path));
  if (o.request.card) o.request.card_path = o.card_path.empty() ? card_path_of(o.request.model_path) : o.card_path;
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> engine, make_engine(o.engine));
  o.request.threads = o.engine.threads;
  optimize::Observer observer;
  observer.progress = [&](const std::string& step, std::int64_t done, std::int64_t total) {
    line.show(step, done, total);
  };
  observer.stop_requested = os::stop_requested;
  return optimize::optimize(o.request, *engine, os::real_file_system(), observer);
}

// A number of a row, or "-" where there is none.
std::string cell(const Json& row, const char* key, const char* format, double factor = 1.0) {
  const Json* value = row.find(key);
  if (value == nullptr || value->is_null()) return "-";
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, value->as_double() * factor);
  return text.data();
}

void print_row(const Json& row, const char* mark) {
  const bool built = row.find("bytes")->as_int64() > 0;
  std::printf("%s %-26s %14s %14s %9s %10s\n", mark, row.find("name")->as_string().c_str(),
              built ? cell(row, "bytes", "%.0f B").c_str() : "-", cell(row, "p50_latency_ms", "%.3f ms").c_str(),
              cell(row, "speedup", "%.2fx").c_str(), cell(row, "accuracy", "%.2f %%", 100).c_str());
}

void print_table(const Json& json) {
  std::printf("  %-26s %14s %14s %9s %10s\n", "variant", "size", "p50 latency", "speed-up", "accuracy");
  print_row(*json.find("original"), " ");
  const Json::Array& variants = json.find("variants")->as_array();
  for (const Json& variant : variants) print_row(variant, variant.find("chosen")->as_bool() ? "*" : " ");
  for (const Json& variant : variants) {
    std::printf("  %s: %s\n", variant.find("name")->as_string().c_str(), variant.find("why")->as_string().c_str());
  }
  std::printf("  (speed-up: the median of paired turns beside the original, not p50 / p50)\n");
  std::fflush(stdout);
}

}  // namespace

int run_optimize(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Makes a model smaller and faster, measures that it is still right, and hands back the best.\n"
      "Exit 1: no variant is better, OUT is the original.",
      "arete optimize");
  add_options(app, options);
  if (const auto status = parse(app, argc, argv)) return *status;
  os::catch_stop_signals();
  ProgressLine line;
  const Result<optimize::Outcome> outcome = run(options, line);
  line.clear();
  if (!outcome) return fail(outcome.error());
  const Json json = to_json(*outcome, false);
  for (const std::string& note : outcome->notes) std::cerr << "arete: note: " << note << "\n";
  std::cerr << "arete: judged on " << outcome->evidence << (outcome->weak_evidence ? " (weak evidence)" : "") << "\n";
  if (outcome->slower) std::cerr << "arete: warning: the model handed back is slower than the original\n";
  if (!options.json) print_table(json);
  std::cerr << "arete: " << outcome->verdict << "\n";
  if (options.json) print_json(json);
  return outcome->success ? kDone : kAnswerIsNo;
}

}  // namespace arete::apps
