#include "apps/serve_options.h"

#include <algorithm>
#include <iostream>

#include "os/base/machine.h"

namespace arete::apps {
namespace {

constexpr std::size_t kMostImageBytes = std::size_t{1} << 30;
constexpr std::size_t kMostNames = 5;
constexpr std::int64_t kNsPerMs = 1'000'000;

// "NAME:rule" or "rule", which is then for every model.
serve::Traffic& traffic_of(serve::TableOptions& options, const std::string& text, std::string& rule) {
  const std::size_t colon = text.rfind(':');
  rule = colon == std::string::npos ? text : text.substr(colon + 1);
  return options.traffic[colon == std::string::npos ? "" : text.substr(0, colon)];
}

void declare_batches(CLI::App& app, ServeArguments& arguments) {
  app.add_option("--runs", arguments.runs, "Runs of a model at once (default: cores divided by --threads, at least 2)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--max-batch", arguments.max_batch,
                 "Rows that run together where it is proven to change no answer; 1 turns batching off")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--max-delay-ms", arguments.max_delay_ms, "How long a run may wait for others to join it under load")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--max-wait-ms", arguments.max_wait_ms, "A request that would wait longer gets a 503 at once")
      ->check(CLI::Range(1.0, 600000.0))
      ->capture_default_str();
  app.add_option("--batch-tolerance", arguments.batch_tolerance,
                 "Share of the largest output by which an answer may differ in a batch (default: 1e-5)")
      ->check(CLI::Range(0.0, 1.0));
}

}  // namespace

void declare(CLI::App& app, ServeArguments& arguments) {
  app.final_callback([&arguments] {
    if (!arguments.models.empty() || !arguments.repository.empty()) return;
    throw CLI::RequiredError("MODEL or --repository");
  });
  app.add_option(
      "MODEL", arguments.models,
      "An .onnx file or a bundle, or NAME=FILE, or NAME:VERSION=FILE; FILE.card.json beside an .onnx says how to "
      "read images");
  app.add_option("--repository", arguments.repository,
                 "A folder of models, NAME/VERSION/model.onnx or NAME/VERSION/FILE.arete");
  declare_door(app, arguments.door);
  app.add_option("--card", arguments.card, "The model card, when it is not beside the model");
  add_engine_options(app, arguments.engine);
  add_bundle_choice(app, arguments.bundle);
  app.add_flag("--isolate", arguments.isolate,
               "Each model in a process of its own: a crash is an error, and its memory goes back when it is unloaded");
  declare_batches(app, arguments);
  app.add_option("--split", arguments.split, "[NAME:]v1=90,v2=10: shares of the requests that name no version");
  app.add_option("--shadow", arguments.shadow, "[NAME:]v2: also runs what others answer; the metrics compare");
  app.add_option("--max-model-bytes", arguments.max_model_bytes,
                 "Memory of all models; those asked for least lately are unloaded until they are asked again");
  app.add_option("--cache-bytes", arguments.cache_bytes,
                 "Keep answers by the content of their inputs, up to this; like requests at once run once");
  app.add_option("--cache-seconds", arguments.cache_seconds, "How long an answer is kept")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--max-image-bytes", arguments.limits.max_image_bytes, "Larger images are refused with 413")
      ->check(CLI::Range(std::size_t{1}, kMostImageBytes))
      ->capture_default_str();
  app.footer(
      "Then:  curl -F image=@photo.jpg http://127.0.0.1:5001/predict\n"
      "or open http://127.0.0.1:5001/ in a browser. GET /model says what the model takes, GET /openapi.json all "
      "routes.");
  declare_grpc(app, arguments.grpc);
}

Result<serve::TableOptions> table_options(const ServeArguments& arguments) {
  if (!arguments.card.empty() && arguments.models.size() != 1)
    return Error{Code::kInvalid, "--card goes with one model; put NAME.card.json beside each NAME.onnx"};
  serve::TableOptions options;
  options.repository = arguments.repository;
  options.max_model_bytes = arguments.max_model_bytes;
  options.say = tell;
  options.serving.variant = arguments.bundle.variant;
  options.serving.keys = arguments.bundle.keys;
  options.serving.threads = arguments.engine.threads;
  options.serving.max_runs = arguments.runs;
  options.serving.max_rows = arguments.max_batch;
  options.serving.max_delay_ns = static_cast<std::int64_t>(arguments.max_delay_ms * kNsPerMs);
  options.serving.max_wait_ns = static_cast<std::int64_t>(arguments.max_wait_ms * kNsPerMs);
  if (arguments.batch_tolerance > 0) options.serving.batch_tolerance.of_largest = arguments.batch_tolerance;
  for (const std::string& text : arguments.split) {
    std::string rule;
    serve::Traffic& traffic = traffic_of(options, text, rule);
    ASSIGN_OR_RETURN(traffic.split, serve::parse_split(rule));
  }
  for (const std::string& text : arguments.shadow) {
    std::string rule;
    serve::Traffic& traffic = traffic_of(options, text, rule);
    traffic.shadow = rule;
  }
  return options;
}

serve::CacheOptions cache_options(const ServeArguments& arguments) {
  return {.max_bytes = arguments.cache_bytes, .ttl_ns = static_cast<std::int64_t>(arguments.cache_seconds * 1e9)};
}

std::string names_of(const serve::ModelTable& table) {
  std::vector<std::string> names;
  for (const auto& model : table.ready()) names.push_back(model->name());
  names.erase(std::ranges::unique(names).begin(), names.end());
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMostNames) text += " and " + std::to_string(names.size() - kMostNames) + " more";
  return names.empty() ? "no model yet" : text;
}

void tell(const std::string& sentence) {
  const std::string line = "arete: " + sentence + "\n";
  std::cerr << line;
}

}  // namespace arete::apps
