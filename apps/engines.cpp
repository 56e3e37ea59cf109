#include "apps/engines.h"

#include <algorithm>
#include <array>

#include "engine/onnxruntime/onnxruntime.h"
#include "os/base/files.h"
#include "os/base/machine.h"

namespace arete::apps {
namespace {

constexpr std::array<engine::EngineRow, 1> kEngines = {{
    {"onnxruntime", "ONNX Runtime on the CPU", engine::make_onnxruntime},
}};

constexpr const char* kLibraryName = "libonnxruntime.so.1";

}  // namespace

std::span<const engine::EngineRow> all_engines() { return kEngines; }

Result<std::unique_ptr<engine::Engine>> make_engine(const std::string& name, const std::string& library) {
  const auto* row = std::ranges::find(kEngines, name, &engine::EngineRow::name);
  if (row == kEngines.end()) {
    std::string names;
    for (const engine::EngineRow& known : kEngines) names += (names.empty() ? "" : ", ") + std::string(known.name);
    return Error{Code::kNotFound, "there is no engine '" + name + "'; this build has " + names};
  }
  if (!library.empty()) return row->make({{library}});
  ASSIGN_OR_RETURN(const std::string program, os::program_path());
  const std::string folder = os::folder_of(program);
  return row->make({{os::join_path(folder, std::string("lib/") + kLibraryName),
                     os::join_path(folder, std::string("../lib/arete/") + kLibraryName)}});
}

}  // namespace arete::apps
