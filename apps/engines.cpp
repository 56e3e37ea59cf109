#include "apps/engines.h"

#include "apps/engine_table.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {

void add_engine_options(CLI::App& app, EngineChoice& choice, bool with_auto) {
  std::vector<std::string> names;
  for (const engine::EngineRow& row : all_engines()) names.emplace_back(row.name);
  if (with_auto) names.emplace_back("auto");
  app.add_option("--engine", choice.name,
                 with_auto ? "engine that runs the model; auto takes the tuner's choice where there is one"
                           : "engine that runs the model")
      ->check(CLI::IsMember(names));
  app.add_option("--engine-lib", choice.library, "another build of the engine's library");
  app.add_option("--threads", choice.threads, "threads (default: all physical cores)")->check(CLI::Range(0, 1024));
}

namespace {

// auto: the tuner's choice is read elsewhere, and where there is none it is this.
std::string name_of(const EngineChoice& choice) { return choice.name == "auto" ? kDefaultEngine : choice.name; }

}  // namespace

Result<engine::EngineOptions> engine_options(const EngineChoice& choice) {
  ASSIGN_OR_RETURN(const std::string program, os::program_path());
  const std::string folder = os::folder_of(program);
  return engine_options(name_of(choice), choice.library,
                        {os::join_path(folder, "lib"), os::join_path(folder, "../lib/arete")});
}

Result<std::unique_ptr<engine::Engine>> make_engine(const EngineChoice& choice) {
  ASSIGN_OR_RETURN(const engine::EngineOptions options, engine_options(choice));
  return make_engine(name_of(choice), options);
}

}  // namespace arete::apps
