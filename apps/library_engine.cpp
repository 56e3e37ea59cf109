#include <dlfcn.h>

#include "apps/engine_table.h"
#include "apps/library.h"
#include "os/base/files.h"

namespace arete::apps {

Result<std::unique_ptr<engine::Engine>> make_library_engine(const std::string& name, const std::string& library) {
  const std::string wanted = name.empty() ? kDefaultEngine : name;
  if (!library.empty()) return make_engine(wanted, library, {});
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(&make_library_engine), &self) == 0 || self.dli_fname == nullptr)
    return Error{Code::kUnavailable, "where libarete lies is not known; name the engine's library in the options"};
  const std::string folder = os::folder_of(self.dli_fname);
  return make_engine(wanted, "", {os::join_path(folder, "arete"), os::join_path(folder, "../arete"), folder});
}

}  // namespace arete::apps
