// `arete VERB ...`: the workbench's verbs run here; serve is a program of its own, as git does it.
#include <array>
#include <iostream>
#include <new>
#include <string_view>

#include "apps/cli.h"
#include "apps/verbs.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {
namespace {

struct VerbRow {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);  // nullptr: the program arete-NAME beside this one
};

constexpr auto kVerbs = std::to_array<VerbRow>({
    {"info", "what a model holds: inputs, outputs, operators, parameters", run_info},
    {"run", "run a model on .npy files", run_run},
    {"bench", "measure a model's latency", run_bench},
    {"optimize", "make a model smaller and faster, and prove that it is still right", run_optimize},
    {"serve", "answer over HTTP", nullptr},
    {"convert", "the same model in a newer opset, without functions, or as text", run_convert},
    {"bundle", "one file that carries a model with its proof", run_bundle},
    {"keys", "who may sign updates, and who may read confidential models", run_keys},
    {"passes", "list the graph passes and presets", run_passes},
});

int print_help(std::ostream& to) {
  to << "arete: a trained model, carried out to the edge\n\nUsage: arete VERB ... (arete VERB --help explains)\n\n";
  for (const VerbRow& verb : kVerbs)
    to << "  " << verb.name << std::string(12 - verb.name.size(), ' ') << verb.summary << "\n";
  to << "\nThe usual way:\n"
        "  arete info model.onnx\n"
        "  arete optimize model.onnx -o small.onnx --target mobile --calibration images/ --report report.html\n"
        "  arete serve small.onnx --port 5001\n";
  return &to == &std::cout ? kDone : kUsage;
}

int start_program(std::string_view verb, int argc, char** argv) {
  const Result<std::string> self = os::program_path();
  if (!self) return fail(self.error());
  const std::string program = os::join_path(os::folder_of(*self), "arete-" + std::string(verb));
  return fail(os::replace_process(program, argc, argv).error());
}

int main(int argc, char** argv) {
  if (argc < 2) return print_help(std::cerr);
  const std::string_view wanted = argv[1];
  if (wanted == "--help" || wanted == "-h" || wanted == "help") return print_help(std::cout);
  if (wanted == "--version") {
    std::cout << "arete " << ARETE_VERSION << "\n";
    return kDone;
  }
  for (const VerbRow& verb : kVerbs) {
    if (verb.name != wanted) continue;
    return verb.run != nullptr ? verb.run(argc - 1, argv + 1) : start_program(verb.name, argc - 1, argv + 1);
  }
  std::cerr << "arete: there is no verb '" << wanted << "'\n\n";
  return print_help(std::cerr);
}

}  // namespace
}  // namespace arete::apps

// Whoever catches std::bad_alloc where it is thrown says more; here it must not end as a crash.
int main(int argc, char** argv) try { return arete::apps::main(argc, argv); } catch (const std::bad_alloc&) {
  return arete::apps::fail({arete::Code::kExhausted, "there is not enough memory (--memory-limit may give it more)"});
}
