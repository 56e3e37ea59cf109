#include "apps/engine_table.h"

#include <algorithm>
#include <array>

#include "engine/onnxruntime/onnxruntime.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

constexpr auto kEngines = std::to_array<engine::EngineRow>({
    {"onnxruntime", "ONNX Runtime on the CPU", "libonnxruntime.so.1", engine::make_onnxruntime},
});

Result<const engine::EngineRow*> find_row(const std::string& name) {
  const auto* row = std::ranges::find(kEngines, name, &engine::EngineRow::name);
  if (row == kEngines.end()) return Error{Code::kNotFound, "there is no engine '" + name + "'"};
  return row;
}

}  // namespace

std::span<const engine::EngineRow> all_engines() { return kEngines; }

Result<engine::EngineOptions> engine_options(const std::string& name, const std::string& library,
                                             const std::vector<std::string>& folders) {
  ASSIGN_OR_RETURN(const engine::EngineRow* row, find_row(name));
  if (!library.empty()) return engine::EngineOptions{{library}};
  engine::EngineOptions options;
  for (const std::string& folder : folders) {
    if (!row->library.empty()) options.library_paths.push_back(os::join_path(folder, std::string(row->library)));
  }
  return options;
}

Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const engine::EngineOptions& options) {
  ASSIGN_OR_RETURN(const engine::EngineRow* row, find_row(name));
  return row->make(options);
}

Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library,
                                                    const std::vector<std::string>& folders) {
  ASSIGN_OR_RETURN(const engine::EngineOptions options, engine_options(name, library, folders));
  return make_engine(name, options);
}

}  // namespace arete::apps
