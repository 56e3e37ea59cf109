// What one command, or the graph's part of `arete optimize` alone, takes. One line of JSON.
//
//   command PROGRAM ARGUMENTS...   {"wall_s", "cpu_s", "peak_bytes", "status"} of that program
//   graph MODEL PRESET OUT         the same, and "read_s", "passes_s", "write_s", "nodes", "passes": the model is read
//   and verified,
//                                  the preset's passes run, the result is written to OUT
// This process is small, so that the peak is the command's own (the kernel starts a child's peak with its parent's).
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "optimize/load_model.h"
#include "os/base/files.h"
#include "os/base/machine.h"
#include "pass/preset.h"
#include "pass/runner.h"

namespace arete::bench {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}
double cpu_s(const rusage& usage) { return seconds(usage.ru_utime) + seconds(usage.ru_stime); }
double now_s() { return static_cast<double>(os::real_clock().now_ns()) / 1e9; }

int measure_command(char** command) {
  const double start_s = now_s();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDOUT_FILENO);
    ::execv(command[0], command);
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || ::wait4(child, &status, 0, &usage) != child) return 1;
  const auto peak_bytes = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
  std::cout << Json::object({{"wall_s", now_s() - start_s},
                             {"cpu_s", cpu_s(usage)},
                             {"peak_bytes", peak_bytes},
                             {"status", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)}})
                   .dump()
            << std::endl;
  return 0;
}

Result<Json> measure_graph(const std::string& path, std::string_view preset_name, const std::string& out) {
  const os::FileSystem& files = os::real_file_system();
  const pass::PresetRow* preset = pass::find_preset(preset_name);
  if (preset == nullptr) return Error{Code::kNotFound, "there is no such preset"};
  const double start_s = now_s();
  ASSIGN_OR_RETURN(graph::ReadModel read, optimize::load_model(files, path));
  const double read_s = now_s();
  pass::RunOptions options;
  options.now_ns = [] { return os::real_clock().now_ns(); };
  ASSIGN_OR_RETURN(const std::vector<pass::PassReport> reports, pass::run_passes(read.model, preset->passes, options));
  Json passes = Json::object();
  for (const pass::PassReport& report : reports) passes.set(report.name, static_cast<double>(report.time_ns) / 1e9);
  const double passed_s = now_s();
  std::vector<std::unique_ptr<os::StagedFile>> staged;
  RETURN_IF_ERROR(optimize::stage_files(files, read.model, out, staged));
  for (const auto& file : staged) RETURN_IF_ERROR(file->commit());
  const double end_s = now_s();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return Json::object({{"wall_s", end_s - start_s},
                       {"cpu_s", cpu_s(usage)},
                       {"peak_bytes", os::peak_resident_bytes()},
                       {"status", 0},
                       {"read_s", read_s - start_s},
                       {"passes_s", passed_s - read_s},
                       {"write_s", end_s - passed_s},
                       {"nodes", static_cast<std::int64_t>(read.model.graph.nodes.size())},
                       {"passes", std::move(passes)}});
}

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "command") return measure_command(argv + 2);
  if (mode != "graph" || argc != 5) {
    std::cerr << "command PROGRAM ARGUMENTS... | graph MODEL PRESET OUT\n";
    return 2;
  }
  const Result<Json> taken = measure_graph(argv[2], argv[3], argv[4]);
  if (!taken) {
    std::cerr << taken.error().message << "\n";
    return 3;
  }
  std::cout << taken->dump() << std::endl;
  return 0;
}

}  // namespace
}  // namespace arete::bench

int main(int argc, char** argv) { return arete::bench::main(argc, argv); }
