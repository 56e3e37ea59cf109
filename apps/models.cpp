#include "apps/models.h"

#include "optimize/load_model.h"
#include "os/base/files.h"

namespace arete::apps {

Result<graph::ReadModel> read_model(const std::string& path) {
  return optimize::load_model(os::real_file_system(), path);
}

Result<std::unique_ptr<engine::Session>> open_session(engine::Engine& engine, const std::string& path, int threads) {
  // Our verifier words the errors; the engine would name neither cause nor fix.
  ASSIGN_OR_RETURN(const graph::ReadModel read, read_model(path));
  ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(os::real_file_system(), path));
  engine::SessionOptions options;
  options.threads = threads;
  Result<std::unique_ptr<engine::Session>> session = engine.open(source, options);
  if (!session) return with_context(std::move(session).error(), path);
  return session;
}

}  // namespace arete::apps
