// What an engine costs beside its arithmetic: memory over many opens and closes, and the time of a small run.
//
//   bench_engine_worker cycles MODEL COUNT [--isolate] [--threads N]
//       opens, runs and closes COUNT times; prints a line of JSON: [cycle, PSS bytes of this process and its children]
//       at powers of ten and their halves, and milliseconds a cycle
//   bench_engine_worker runs MODEL SECONDS [--threads N]
//       nanoseconds a run of ones, through engine::Session, the library's C functions, and a child, in turns
#include <dlfcn.h>
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "apps/isolation.h"
#include "core/json.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "os/base/process.h"

namespace arete {
namespace {

using Seconds = std::chrono::duration<double>;

double now_s() { return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::uint64_t pss_bytes(const std::string& process) {
  std::ifstream file("/proc/" + process + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Pss:")) return std::stoull(line.substr(4)) * 1024;
  }
  return 0;
}

struct Job {
  std::string role;
  std::string model;
  double amount = 0;
  bool isolate = false;
  engine::SessionOptions options;
};

std::vector<NamedTensor> ones(const engine::Session& session) {
  std::vector<NamedTensor> inputs;
  for (const engine::ValueInfo& info : session.inputs()) {
    Shape shape = info.shape;
    std::ranges::replace(shape, std::int64_t{-1}, std::int64_t{1});
    Tensor tensor = *Tensor::zeros(info.dtype, shape);
    if (info.dtype == DType::kFloat32) std::ranges::fill(tensor.mutable_data<float>(), 1.0F);
    inputs.push_back({info.name, std::move(tensor)});
  }
  return inputs;
}

// 1, 2, 5, 10, 20, 50 and so on, and the last one.
bool is_measured(std::int64_t cycle, std::int64_t last) {
  std::int64_t power = 1;
  while (power * 10 <= cycle) power *= 10;
  return cycle == last || cycle == power || cycle == 2 * power || cycle == 5 * power;
}

Status run_cycles(engine::Engine& engine, const Job& job, const std::function<std::uint64_t()>& bytes) {
  const auto last = static_cast<std::int64_t>(job.amount);
  Json curve = Json::array();
  const double start_s = now_s();
  for (std::int64_t cycle = 1; cycle <= last; ++cycle) {
    {
      ASSIGN_OR_RETURN(const engine::ModelSource source,
                       engine::ModelSource::from_file(os::real_file_system(), job.model));
      ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> session, engine.open(source, job.options));
      RETURN_IF_ERROR(session->run(ones(*session)));
    }
    if (!is_measured(cycle, last)) continue;
    Json point = Json::array();
    point.push_back(cycle);
    point.push_back(static_cast<std::int64_t>(bytes()));
    curve.push_back(std::move(point));
  }
  Json answer = Json::object();
  answer.set("engine", engine.name() + " " + engine.version());
  answer.set("cycle_ms", (now_s() - start_s) * 1000 / job.amount);
  answer.set("curve", std::move(curve));
  std::cout << answer.dump() << std::endl;
  return {};
}

// The same run through the library's own C functions, as short as they allow. The library is already open.
class RawRun {
 public:
  RawRun(const std::string& library, const std::string& model, int threads) {
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto base = reinterpret_cast<const OrtApiBase* (*)()>(::dlsym(handle, "OrtGetApiBase"));
    api_ = base()->GetApi(ORT_API_VERSION);
    check(api_->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "bench", &env_));
    OrtSessionOptions* options = nullptr;
    check(api_->CreateSessionOptions(&options));
    check(api_->SetIntraOpNumThreads(options, threads));
    check(api_->CreateSession(env_, model.c_str(), options, &session_));
    check(api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_));
  }

  // One float input and output.
  void run(const NamedTensor& input, const char* output_name) const {
    const Shape& shape = input.tensor.shape();
    OrtValue* value = nullptr;
    OrtValue* output = nullptr;
    check(api_->CreateTensorWithDataAsOrtValue(memory_, const_cast<std::byte*>(input.tensor.bytes().data()),
                                               input.tensor.size_bytes(), shape.data(), shape.size(),
                                               ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
    const char* const name = input.name.c_str();
    check(api_->Run(session_, nullptr, &name, &value, 1, &output_name, 1, &output));
    void* data = nullptr;
    check(api_->GetTensorMutableData(output, &data));
    api_->ReleaseValue(output);
    api_->ReleaseValue(value);
  }

 private:
  void check(OrtStatus* status) const {
    if (status != nullptr) std::cerr << api_->GetErrorMessage(status) << "\n", std::exit(1);
  }

  const OrtApi* api_ = nullptr;
  OrtEnv* env_ = nullptr;
  OrtSession* session_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
};

double ns_of(const std::function<void()>& run) {
  constexpr int kRuns = 2000;
  const double start_s = now_s();
  for (int i = 0; i < kRuns; ++i) run();
  return (now_s() - start_s) * 1e9 / kRuns;
}

Status compare_runs(engine::Engine& here, engine::Engine& child, const std::string& library, const Job& job) {
  ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(os::real_file_system(), job.model));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> session, here.open(source, job.options));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Session> isolated, child.open(source, job.options));
  const RawRun raw(library, job.model, job.options.threads);
  const std::vector<NamedTensor> inputs = ones(*session);
  const char* const output = session->outputs().at(0).name.c_str();
  bool failed = false;
  const std::vector<std::pair<const char*, std::function<void()>>> sides = {
      {"session_ns", [&] { failed |= !session->run(inputs).has_value(); }},
      {"raw_ns", [&] { raw.run(inputs[0], output); }},
      {"child_ns", [&] { failed |= !isolated->run(inputs).has_value(); }}};
  std::vector<std::vector<double>> taken(sides.size());
  for (const double end_s = now_s() + job.amount; now_s() < end_s;) {
    for (std::size_t i = 0; i < sides.size(); ++i) taken[i].push_back(ns_of(sides[i].second));
  }
  if (failed) return Error{Code::kBug, "a run failed"};
  Json answer = Json::object();
  answer.set("engine", here.name() + " " + here.version());
  for (std::size_t i = 0; i < sides.size(); ++i) {
    std::ranges::sort(taken[i]);
    answer.set(sides[i].first, taken[i][taken[i].size() / 2]);
  }
  std::cout << answer.dump() << std::endl;
  return {};
}

Status work(const Job& job) {
  const apps::EngineChoice choice;
  if (job.role == "runs") {
    ASSIGN_OR_RETURN(const engine::EngineOptions found, apps::engine_options(choice));
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> here, apps::make_engine(choice));
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::ChildEngine> child, apps::make_isolated_engine(choice, {}));
    return compare_runs(*here, *child, found.library_paths.at(0), job);
  }
  if (!job.isolate) {
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Engine> here, apps::make_engine(choice));
    return run_cycles(*here, job, [] { return pss_bytes("self"); });
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::ChildEngine> child, apps::make_isolated_engine(choice, {}));
  return run_cycles(*child, job, [&child] {
    std::uint64_t sum = pss_bytes("self");
    for (const std::int64_t process : child->processes()) sum += pss_bytes(std::to_string(process));
    return sum;
  });
}

}  // namespace
}  // namespace arete

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 3) {
    std::cerr << "bench_engine_worker cycles|runs MODEL AMOUNT [--isolate] [--threads N]\n";
    return 2;
  }
  arete::Job job{.role = words[0], .model = words[1], .amount = std::stod(words[2]), .isolate = false, .options = {}};
  job.options.threads = 1;
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "--isolate") job.isolate = true;
    if (words[i] == "--threads" && i + 1 < words.size()) job.options.threads = std::stoi(words[i + 1]);
  }
  const arete::Status done = arete::work(job);
  if (!done) std::cerr << "bench_engine_worker: " << arete::to_string(done.error()) << "\n";
  return done ? 0 : 1;
}
