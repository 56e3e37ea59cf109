// `arete bench MODEL`: latency of one model, on seeded random inputs or given ones.
#include <cstdio>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "apps/engines.h"
#include "apps/inputs.h"
#include "apps/limits.h"
#include "apps/models.h"
#include "apps/verbs.h"
#include "graph/summary.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "proof/latency.h"
#include "proof/opened.h"
#include "proof/random_inputs.h"

namespace arete::apps {
namespace {

struct Options {
  std::string path;
  BundleChoice bundle;
  std::vector<std::string> inputs;
  EngineChoice engine;
  Limits limits;
  int warmup = 10;
  int runs = 100;
  bool json = false;
};

// Where random inputs are to blame, given ones are the way out.
Error explained(const Options& options, const Error& error) {
  if (!options.inputs.empty()) return error;
  return with_context(error,
                      "the model does not run on random inputs whose dynamic axes are 1 (give --input NAME=FILE.npy "
                      "for each input)");
}

Result<Json> measure(const Options& options) {
  const os::Clock& clock = os::real_clock();
  const std::unique_ptr<os::TimeLimit> time_limit = start_time_limit(options.limits);
  EngineChoice choice = options.engine;
  ASSIGN_OR_RETURN(const FoundModel model, find_model(options.path, options.bundle, &choice));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> engine, make_engine(choice));
  std::string precision;  // our own reading is not the engine's load
  {
    ASSIGN_OR_RETURN(const graph::ReadModel read, read_model(model));
    precision = graph::precision_of(read.model);
  }
  RETURN_IF_ERROR(limit_memory(options.limits, 0));
  os::return_freed_memory();  // what reading took
  const std::uint64_t rss_before = os::resident_bytes();
  ASSIGN_OR_RETURN(const proof::Opened opened, open_session(*engine, model, choice.threads));
  const Result<std::vector<NamedTensor>> inputs =
      options.inputs.empty() ? proof::random_inputs(opened.session->inputs(), 1) : read_inputs(options.inputs);
  if (!inputs) return explained(options, inputs.error());
  const proof::Runner runner = [&]() -> Status {
    const Result<std::vector<Tensor>> outputs = opened.session->run(*inputs);
    if (!outputs) return explained(options, outputs.error());
    return {};
  };
  proof::Progress progress;
  progress.stop_requested = os::stop_requested;
  ASSIGN_OR_RETURN(const proof::Distribution latency,
                   proof::measure_runs(runner, clock, options.warmup, options.runs, progress));
  const std::uint64_t rss_after = os::resident_bytes();
  return Json::object({{"mean_latency_ms", latency.mean_ms},
                       {"p50_latency_ms", latency.p50_ms},
                       {"p99_latency_ms", latency.p99_ms},
                       {"throughput_per_sec", latency.throughput_per_sec},
                       {"load_ms", opened.load_ms},
                       {"rss_bytes", rss_after > rss_before ? rss_after - rss_before : 0},
                       {"engine", engine->name() + " " + engine->version()},
                       {"precision", precision},
                       {"threads", options.engine.threads > 0 ? options.engine.threads : os::physical_cores()}});
}

}  // namespace

int run_bench(int argc, char** argv) {
  Options options;
  CLI::App app("Measures a model's latency, on seeded random inputs (dynamic axes are 1) or given ones.",
               "arete bench");
  app.add_option("MODEL", options.path, kModelHelp)->required();
  add_bundle_choice(app, options.bundle);
  add_input_option(app, options.inputs, "NAME=FILE.npy for each input, instead of random numbers");
  add_engine_options(app, options.engine, true);
  add_time_limit(app, options.limits);
  add_memory_limit(app, options.limits, "no limit");
  app.add_option("--warmup", options.warmup, "runs that are not counted")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  app.add_option("--runs", options.runs, "runs that are counted")->check(CLI::Range(1, 1000000))->capture_default_str();
  add_json_option(app, options.json);
  app.footer(
      "\nTo compare two models, let `arete optimize` measure them in turns: two runs of this differ by what else ran.");
  if (const auto status = parse(app, argc, argv)) return *status;
  os::catch_stop_signals();
  const Result<Json> result = measure(options);
  if (!result) return fail(explain_memory(result.error(), options.limits, 0));
  if (options.json) {
    print_json(*result);
    return kDone;
  }
  const auto number = [&](const char* key) { return result->find(key)->as_double(); };
  std::printf(
      "p50 %.3f ms   p99 %.3f ms   mean %.3f ms   %.0f runs/s\nload %.1f ms   memory %.1f MB   %s, %s, %.0f threads\n",
      number("p50_latency_ms"), number("p99_latency_ms"), number("mean_latency_ms"), number("throughput_per_sec"),
      number("load_ms"), number("rss_bytes") / 1e6, result->find("engine")->as_string().c_str(),
      result->find("precision")->as_string().c_str(), number("threads"));
  return kDone;
}

}  // namespace arete::apps
