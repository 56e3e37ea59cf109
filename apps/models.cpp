#include "apps/models.h"

#include "graph/verifier.h"
#include "os/base/files.h"

namespace arete::apps {

Result<graph::ReadModel> read_model(const std::string& path) {
  const os::FileSystem& files = os::real_file_system();
  ASSIGN_OR_RETURN(const SharedBytes bytes, files.map(path));
  graph::ReadOptions options;
  options.load_external = [&](const std::string& location) { return files.map(os::join_path(os::folder_of(path), location)); };
  Result<graph::ReadModel> read = graph::read_onnx(bytes.view, options);
  if (!read) return with_context(std::move(read).error(), path);
  Status good = graph::sort_nodes(read->model.graph);
  if (good) good = graph::verify(read->model);
  if (!good) return with_context(std::move(good).error(), path);
  return read;
}

Result<std::unique_ptr<engine::Session>> open_session(engine::Engine& engine, const std::string& path, int threads) {
  ASSIGN_OR_RETURN(const graph::ReadModel read, read_model(path));
  ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(os::real_file_system(), path));
  engine::SessionOptions options;
  options.threads = threads;
  Result<std::unique_ptr<engine::Session>> session = engine.open(source, options);
  if (!session) return with_context(std::move(session).error(), path);
  return session;
}

}  // namespace arete::apps
