#include "apps/models.h"

#include <vector>

#include "apps/engine_table.h"
#include "bundle/choose_variant.h"
#include "graph/text.h"
#include "graph/verifier.h"
#include "optimize/load_model.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {
namespace {

Result<const bundle::Variant*> choose(const bundle::Manifest& manifest, const std::string& name) {
  std::vector<std::string_view> engines;
  for (const engine::EngineRow& row : all_engines()) engines.push_back(row.name);
  const std::string platform = os::platform();
  return bundle::choose_variant(manifest, {platform, engines, name});
}

}  // namespace

const os::FileSystem& FoundModel::files() const {
  if (bundle == nullptr) return os::real_file_system();
  return *bundle;
}

Result<FoundModel> find_model(const std::string& path, const BundleChoice& bundle, EngineChoice* choice) {
  FoundModel model;
  model.path = path;
  ASSIGN_OR_RETURN(const bool is_bundle, bundle::is_bundle(os::real_file_system(), path));
  if (!is_bundle && !bundle.variant.empty())
    return Error{Code::kInvalid, path + ": --variant goes with a bundle, and this is none"};
  if (!is_bundle) return model;
  ASSIGN_OR_RETURN(bundle::Bundle opened, bundle::open_bundle(os::real_file_system(), path, bundle.keys));
  model.is_sealed = opened.is_sealed();
  model.bundle = std::make_unique<const bundle::BundleFiles>(std::move(opened), path);
  const Result<const bundle::Variant*> chosen = choose(model.bundle->manifest(), bundle.variant);
  if (!chosen) return with_context(chosen.error(), path);
  model.variant = *chosen;
  model.path = model.bundle->model_path(**chosen);
  if (choice != nullptr) choice->name = model.variant->engine;
  return model;
}

Result<graph::ReadModel> read_model(const FoundModel& model) { return optimize::load_model(model.files(), model.path); }

Result<graph::ReadModel> read_graph(const FoundModel& model) {
  if (model.bundle != nullptr) return read_model(model);
  ASSIGN_OR_RETURN(const SharedBytes bytes, model.files().map(model.path));
  const std::string_view text(reinterpret_cast<const char*>(bytes.view.data()), bytes.view.size());
  if (!graph::looks_like_text(text) && !model.path.ends_with(".txt")) return read_model(model);
  Result<graph::ReadModel> read = graph::from_text(text);
  Status good = read ? graph::sort_nodes(read->model.graph) : Status(read.error());
  if (good) good = graph::verify(read->model);
  if (!good) return with_context(std::move(good).error(), model.path);
  return read;
}

Result<proof::Opened> open_session(engine::Engine& engine, const FoundModel& model, int threads) {
  ASSIGN_OR_RETURN(const engine::ModelSource source, model.bundle != nullptr
                                                         ? engine::ModelSource::from_files(*model.bundle, model.path)
                                                         : engine::ModelSource::from_file(model.files(), model.path));
  engine::SessionOptions options;
  options.threads = threads;
  Result<proof::Opened> opened = proof::open_measured(engine, source, options);
  return opened ? std::move(opened) : with_context(std::move(opened).error(), model.path);
}

}  // namespace arete::apps
