#include "apps/engine_table.h"

#include <algorithm>
#include <array>

#include "engine/onnxruntime/onnxruntime.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

constexpr auto kEngines = std::to_array<engine::EngineRow>({
    {"onnxruntime", "ONNX Runtime on the CPU", engine::make_onnxruntime},
});

constexpr const char* kLibraryName = "libonnxruntime.so.1";

}  // namespace

std::span<const engine::EngineRow> all_engines() { return kEngines; }

std::string library_in(const std::string& folder) { return os::join_path(folder, kLibraryName); }

Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, std::vector<std::string> library_paths) {
  const auto* row = std::ranges::find(kEngines, name, &engine::EngineRow::name);
  if (row == kEngines.end()) return Error{Code::kNotFound, "there is no engine '" + name + "'"};
  return row->make({std::move(library_paths)});
}

}  // namespace arete::apps
