#include "apps/models.h"

#include "optimize/load_model.h"
#include "os/base/files.h"

namespace arete::apps {

Result<graph::ReadModel> read_model(const std::string& path) {
  return optimize::load_model(os::real_file_system(), path);
}

Result<proof::Opened> open_session(engine::Engine& engine, const std::string& path, int threads) {
  ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(os::real_file_system(), path));
  engine::SessionOptions options;
  options.threads = threads;
  Result<proof::Opened> opened = proof::open_measured(engine, source, options);
  return opened ? std::move(opened) : with_context(std::move(opened).error(), path);
}

}  // namespace arete::apps
