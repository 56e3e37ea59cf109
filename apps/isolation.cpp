#include "apps/isolation.h"

#include <string>
#include <utility>

#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {

Result<std::unique_ptr<engine::ChildEngine>> make_isolated_engine(const EngineChoice& choice,
                                                                  engine::ChildOptions options) {
  ASSIGN_OR_RETURN(const std::string program, os::program_path());
  ASSIGN_OR_RETURN(engine::EngineOptions found, engine_options(choice));
  options.program = os::join_path(os::folder_of(program), "arete-engine");
  options.engine = choice.name == "auto" ? kDefaultEngine : choice.name;
  options.library_paths = std::move(found.library_paths);
  return engine::make_child(options);
}

}  // namespace arete::apps
