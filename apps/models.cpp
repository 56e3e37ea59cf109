#include "apps/models.h"

#include "graph/text.h"
#include "graph/verifier.h"
#include "optimize/load_model.h"
#include "os/base/files.h"

namespace arete::apps {

Result<graph::ReadModel> read_model(const std::string& path) {
  return optimize::load_model(os::real_file_system(), path);
}

Result<graph::ReadModel> read_graph(const std::string& path) {
  ASSIGN_OR_RETURN(const SharedBytes bytes, os::real_file_system().map(path));
  const std::string_view text(reinterpret_cast<const char*>(bytes.view.data()), bytes.view.size());
  if (!graph::looks_like_text(text) && !path.ends_with(".txt")) return read_model(path);
  Result<graph::ReadModel> read = graph::from_text(text);
  Status good = read ? graph::sort_nodes(read->model.graph) : Status(read.error());
  if (good) good = graph::verify(read->model);
  if (!good) return with_context(std::move(good).error(), path);
  return read;
}

Result<proof::Opened> open_session(engine::Engine& engine, const std::string& path, int threads) {
  ASSIGN_OR_RETURN(const engine::ModelSource source, engine::ModelSource::from_file(os::real_file_system(), path));
  engine::SessionOptions options;
  options.threads = threads;
  Result<proof::Opened> opened = proof::open_measured(engine, source, options);
  return opened ? std::move(opened) : with_context(std::move(opened).error(), path);
}

}  // namespace arete::apps
