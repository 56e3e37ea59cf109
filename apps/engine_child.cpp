// arete-engine: the process behind a session of the child engine (src/engine/child). Started by other programs alone.
#include <iostream>
#include <string>
#include <vector>

#include "apps/cli.h"
#include "apps/engine_table.h"
#include "engine/child/child_side.h"
#include "engine/engine.h"
#include "os/base/limits.h"
#include "os/base/process.h"

namespace arete::apps {
namespace {

struct Arguments {
  std::string engine = kDefaultEngine;
  std::vector<std::string> libraries;
  int lanes = 1;
  std::uint64_t memory_bytes = 0;
  std::uint64_t max_run_bytes = 0;
};

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("--engine", arguments.engine)->required();
  app.add_option("--library", arguments.libraries, "tried in order")->allow_extra_args(false);
  app.add_option("--lanes", arguments.lanes, "runs at once")->required()->check(CLI::Range(1, 16));
  app.add_option("--memory-bytes", arguments.memory_bytes, "what it may take beyond its start; 0: no limit");
  app.add_option("--max-run-bytes", arguments.max_run_bytes, "inputs, or outputs, of a run")->required();
}

int answer_until_parent_ends(const Arguments& arguments) {
  // From here on this process cannot outlast its parent or gain rights.
  os::end_with_parent(os::kFirstHandedOver);
  if (const Status confined = os::confine(2 * arguments.max_run_bytes); !confined) return fail(confined.error());
  Result<std::unique_ptr<engine::Engine>> engine =
      make_engine(arguments.engine, engine::EngineOptions{arguments.libraries});
  // After the engine's library is there: the limit is the model's.
  if (arguments.memory_bytes > 0) {
    if (Status limited = os::limit_memory(arguments.memory_bytes); !limited) engine = std::move(limited).error();
  }
  const Status ended = engine::answer_parent(engine::adopt_lanes(os::kFirstHandedOver, arguments.lanes),
                                             std::move(engine), arguments.max_run_bytes);
  return ended ? kDone : describe(ended.error().code).exit_status;
}

}  // namespace
}  // namespace arete::apps

int main(int argc, char** argv) {
  CLI::App app("Runs a model for another program of Arete, which starts it; not for hands.", "arete-engine");
  arete::apps::Arguments arguments;
  arete::apps::declare(app, arguments);
  if (const auto status = arete::apps::parse(app, argc, argv)) return *status;
  return arete::apps::answer_until_parent_ends(arguments);
}
