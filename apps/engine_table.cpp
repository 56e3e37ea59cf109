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

}  // namespace

std::span<const engine::EngineRow> all_engines() { return kEngines; }

Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library,
                                                    const std::vector<std::string>& folders) {
  const auto* row = std::ranges::find(kEngines, name, &engine::EngineRow::name);
  if (row == kEngines.end()) return Error{Code::kNotFound, "there is no engine '" + name + "'"};
  if (!library.empty()) return row->make({{library}});
  engine::EngineOptions options;
  for (const std::string& folder : folders) {
    if (!row->library.empty()) options.library_paths.push_back(os::join_path(folder, std::string(row->library)));
  }
  return row->make(options);
}

}  // namespace arete::apps
