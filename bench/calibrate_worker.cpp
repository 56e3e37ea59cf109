// One side of a bench: a process that stays up and looks at the samples once for each `go`.
//
//   calibrate   tune::Calibrator over MODEL in its quantisable form (the passes and the opset that
//               `arete optimize` gives it before it quantises)
//   float       one bare float run over the same samples: same form, engine, threads and batches,
//               outputs dropped. With --as-is the file's own model, as it stands
//
// Before `ready`, and so outside every measurement: reading, passes, opening the session and (but
// for --stream) decoding the samples. Then each line of stdin is answered by one line of JSON:
//   go [N]   N looks, 1 when absent -> {"wall_s", "cpu_s" (getrusage), "rss_bytes" (peak),
//   "samples"} ranges   what the last look saw -> {tensor: [min, max]}
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "apps/cards.h"
#include "apps/cli.h"
#include "apps/engines.h"
#include "graph/official.h"
#include "graph/onnx_io.h"
#include "optimize/card_guess.h"
#include "optimize/load_model.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "pass/preset.h"
#include "pass/quantize.h"
#include "pass/runner.h"
#include "proof/sample_batch.h"
#include "tune/calibrate.h"
#include "tune/dataset.h"

namespace arete::bench {
namespace {

struct Options {
  std::string role;
  std::string model_path;
  std::string data_path;
  std::string export_path;
  int threads = 1;
  int batch_size = 0;
  std::size_t samples = 0;
  bool as_is = false;
  bool stream = false;
};

// Decoded once, so that no look pays for it.
class MemorySource final : public SampleSource {
 public:
  static Result<MemorySource> load(SampleSource& from, std::size_t limit) {
    MemorySource source;
    while (limit == 0 || source.samples_.size() < limit) {
      ASSIGN_OR_RETURN(std::optional<Sample> sample, from.next());
      if (!sample) break;
      source.samples_.push_back(std::move(*sample));
    }
    return source;
  }

  Result<std::optional<Sample>> next() override {
    if (at_ == samples_.size()) return std::optional<Sample>();
    return std::optional<Sample>(samples_[at_++]);  // shares the bytes
  }
  Status rewind() override {
    at_ = 0;
    return {};
  }
  std::size_t size() const override { return samples_.size(); }
  bool has_labels() const override { return false; }

 private:
  std::vector<Sample> samples_;
  std::size_t at_ = 0;
};

// One look at all samples -> how many there were.
using Look = std::function<Result<std::size_t>(SampleSource&)>;

struct Job {
  std::unique_ptr<engine::Engine> engine;
  std::vector<engine::ValueInfo> inputs;
  int batch_size = 0;
  ModelCard card;
  std::unique_ptr<SampleSource> samples;
  Look look;
  std::shared_ptr<pass::Ranges> ranges = std::make_shared<pass::Ranges>();
};

Result<graph::Model> quantisable_form(graph::Model model) {
  model = graph::infer_shapes(std::move(model));
  RETURN_IF_ERROR(pass::run_passes(model, pass::find_preset("balanced")->passes));
  const std::int64_t opset = std::max(model.opset(), pass::kQuantizeOpset);
  ASSIGN_OR_RETURN(graph::Model converted, graph::convert_opset(model, opset));
  return graph::infer_shapes(std::move(converted));
}

proof::BatchRule rule_for(const Options& options, const std::vector<engine::ValueInfo>& inputs) {
  proof::BatchRule rule = proof::batch_rule_for(inputs);
  if (options.batch_size > 0 && !rule.exact) rule.largest = options.batch_size;
  return rule;
}

Status prepare_calibrate(const Options& options, const graph::Model& form, Job& job) {
  ASSIGN_OR_RETURN(tune::Calibrator opened,
                   tune::Calibrator::open(*job.engine, form, pass::tensors_to_observe(form), options.threads));
  const auto calibrator = std::make_shared<tune::Calibrator>(std::move(opened));
  job.inputs = calibrator->inputs();
  tune::CalibrateOptions calibrate;
  calibrate.batch = rule_for(options, job.inputs);
  calibrate.max_samples = options.samples;
  job.look = [calibrator, calibrate, ranges = job.ranges](SampleSource& source) -> Result<std::size_t> {
    ASSIGN_OR_RETURN(tune::Calibration seen, calibrator->run(source, calibrate));
    *ranges = std::move(seen.ranges);
    return seen.samples;
  };
  return {};
}

Status prepare_float(const Options& options, const engine::ModelSource& source, Job& job) {
  engine::SessionOptions session_options;
  session_options.threads = options.threads;
  ASSIGN_OR_RETURN(std::shared_ptr<engine::Session> session, job.engine->open(source, session_options));
  job.inputs = session->inputs();
  job.look = [session, rule = rule_for(options, job.inputs),
              limit = options.samples](SampleSource& from) -> Result<std::size_t> {
    RETURN_IF_ERROR(from.rewind());
    proof::SampleBatcher batcher(from, rule, limit);
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<proof::Batch> batch, batcher.next());
      if (!batch) return batcher.samples();
      RETURN_IF_ERROR(session->run(batch->inputs));
    }
  };
  return {};
}

// For the peer, which is to look at the very same graph.
Status export_form(const std::string& path, const std::string& bytes, const ModelCard& card) {
  const os::FileSystem& files = os::real_file_system();
  RETURN_IF_ERROR(write_text(files, apps::card_path_of(path), to_json(card).dump(2) + "\n"));
  return write_text(files, path, bytes);
}

Status open_model(const Options& options, Job& job) {
  const os::FileSystem& files = os::real_file_system();
  ASSIGN_OR_RETURN(graph::ReadModel read, optimize::load_model(files, options.model_path));
  ASSIGN_OR_RETURN(const std::optional<ModelCard> card, apps::load_card("", options.model_path));
  job.card = card ? *card : optimize::guess_card(graph::infer_shapes(read.model));
  if (options.as_is) {
    ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(files, options.model_path));
    return prepare_float(options, source, job);
  }
  ASSIGN_OR_RETURN(const graph::Model form, quantisable_form(std::move(read.model)));
  if (options.role == "calibrate" && options.export_path.empty()) {
    return prepare_calibrate(options, form, job);
  }
  ASSIGN_OR_RETURN(graph::WrittenModel written, graph::write_onnx(form));
  if (!options.export_path.empty()) {
    RETURN_IF_ERROR(export_form(options.export_path, written.bytes, job.card));
  }
  if (options.role == "calibrate") return prepare_calibrate(options, form, job);
  return prepare_float(options, engine::ModelSource::from_bytes(std::move(written.bytes), "float form"), job);
}

Status open_samples(const Options& options, Job& job) {
  tune::DatasetOptions about;
  about.card = job.card;
  about.inputs = job.inputs;
  about.batch = rule_for(options, job.inputs);
  ASSIGN_OR_RETURN(std::unique_ptr<tune::Dataset> dataset,
                   tune::open_dataset(os::real_file_system(), options.data_path, about));
  if (options.stream) {
    job.samples = std::move(dataset);
    return {};
  }
  ASSIGN_OR_RETURN(MemorySource memory, MemorySource::load(*dataset, options.samples));
  job.samples = std::make_unique<MemorySource>(std::move(memory));
  return {};
}

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<Json> go(Job& job, int looks) {
  const double cpu_before = cpu_s();
  const std::int64_t start_ns = os::real_clock().now_ns();
  std::size_t samples = 0;
  for (int i = 0; i < looks; ++i) {
    ASSIGN_OR_RETURN(samples, job.look(*job.samples));
  }
  const std::int64_t end_ns = os::real_clock().now_ns();
  return Json::object({{"wall_s", static_cast<double>(end_ns - start_ns) / 1e9},
                       {"cpu_s", cpu_s() - cpu_before},
                       {"rss_bytes", os::peak_resident_bytes()},
                       {"samples", static_cast<std::uint64_t>(samples)}});
}

Json ranges_json(const pass::Ranges& ranges) {
  Json json = Json::object();
  for (const auto& [tensor, range] : ranges) {
    json.set(tensor, Json::Array{static_cast<double>(range.min), static_cast<double>(range.max)});
  }
  return json;
}

Status serve(const Options& options, Job& job) {
  const Json about = Json::object({{"engine", job.engine->name() + " " + job.engine->version()},
                                   {"threads", options.threads},
                                   {"batch", rule_for(options, job.inputs).largest}});
  std::cout << "ready " << about.dump() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string word;
    int looks = 1;
    words >> word >> looks;
    if (word == "ranges") {
      apps::print_json(ranges_json(*job.ranges));
      continue;
    }
    if (word != "go") return Error{Code::kInvalid, "neither 'go' nor 'ranges': '" + line + "'"};
    ASSIGN_OR_RETURN(const Json answer, go(job, std::max(looks, 1)));
    apps::print_json(answer);
  }
  return {};
}

Status run(const Options& options) {
  Job job;
  ASSIGN_OR_RETURN(job.engine, apps::make_engine({}));
  RETURN_IF_ERROR(open_model(options, job));
  RETURN_IF_ERROR(open_samples(options, job));
  return serve(options, job);
}

int main(int argc, char** argv) {
  Options o;
  CLI::App app("One side of a bench; bench/run starts it.", "bench_calibrate_worker");
  app.add_option("ROLE", o.role)->required()->check(CLI::IsMember({"calibrate", "float"}));
  app.add_option("MODEL", o.model_path, "an .onnx file")->required();
  app.add_option("DATA", o.data_path, "samples, as `arete optimize` takes them")->required();
  app.add_option("--threads", o.threads, "of the engine")->check(CLI::Range(1, 1024));
  app.add_option("--samples", o.samples, "at most so many (default: all)");
  app.add_option("--batch", o.batch_size, "default: 32 where dynamic, else 1");
  app.add_flag("--as-is", o.as_is, "float: run the file as it stands");
  app.add_flag("--stream", o.stream, "decode while looking, one sample at a time");
  app.add_option("--export", o.export_path, "also write the quantisable form there");
  if (const auto status = apps::parse(app, argc, argv)) return *status;
  const Status done = run(o);
  return done ? apps::kDone : apps::fail(done.error());
}

}  // namespace
}  // namespace arete::bench

int main(int argc, char** argv) { return arete::bench::main(argc, argv); }
