#include "engine/onnxruntime/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <sstream>

#include "engine/onnxruntime/errors.h"

namespace arete::engine {
namespace {

Error unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }

// "1.31.1" -> 31, the number that GetApi() takes; 0 for what is no version of ours.
int minor_of(const std::string& version) {
  std::istringstream text(version);
  int major = 0;
  int minor = 0;
  char dot = 0;
  if (!(text >> major >> dot >> minor) || major != 1 || dot != '.') return 0;
  return minor;
}

std::string loader_reason(const std::string& path) {
  const char* const said = ::dlerror();
  std::string reason = said == nullptr ? "unknown reason" : said;
  if (reason.starts_with(path + ": ")) reason.erase(0, path.size() + 2);
  return reason;
}

// Only errors would be logged, and each of those comes back as a Result as well.
void log_nothing(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

// The builds on PyPI since 1.31 give the machine an identifier, keep events in a database under the user's home and
// upload them. Nothing that we run does that unasked. Env::DisableTelemetryEvents() comes too late: the database is
// open by then; this word of the environment, read when the library starts, is its only other door. Who set it keeps
// his choice.
void disable_telemetry() { ::setenv("ORT_DISABLE_TELEMETRY", "1", 0); }

struct Found {
  std::string version;
  const OrtApi* api = nullptr;
};

Result<Found> load(const std::string& path) {
  // An absolute path: a bare name would be searched for in the system's folders alone.
  const std::string absolute = std::filesystem::absolute(path).string();
  void* const handle = ::dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return unavailable("'" + path + "' (" + loader_reason(absolute) + ")");
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(::dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr) return unavailable("'" + path + "' (no ONNX Runtime library)");
  Found found{get_base()->GetVersionString(), nullptr};
  if (minor_of(found.version) >= ORT_API_VERSION) found.api = get_base()->GetApi(ORT_API_VERSION);
  if (found.api == nullptr) {
    return unavailable("'" + path + "' (version " + found.version + "; 1." + std::to_string(ORT_API_VERSION) +
                       " or newer is needed)");
  }
  return found;
}

}  // namespace

Result<const OrtLibrary*> open_library(std::span<const std::string> paths) {
  static std::mutex mutex;
  // Never freed: sessions and outputs in static storage may need it until the process ends.
  static OrtLibrary* opened = nullptr;
  const std::lock_guard lock(mutex);
  if (opened == nullptr) disable_telemetry();
  std::string tried;
  for (const std::string& path : paths) {
    Result<Found> found = load(path);
    if (!found) {
      tried += (tried.empty() ? "" : ", ") + found.error().message;
      continue;
    }
    if (opened == nullptr) {
      Ort::InitApi(found->api);
      try {
        auto made = std::make_unique<OrtLibrary>();
        made->env = Ort::Env(ORT_LOGGING_LEVEL_FATAL, "arete", log_nothing, nullptr);
        made->path = path;
        made->version = found->version;
        made->minor = minor_of(found->version);
        made->api = found->api;
        opened = made.release();
      } catch (const Ort::Exception& failure) {
        return with_context(to_error(failure), path);
      }
    }
    if (opened->api != found->api) {
      return Error{Code::kConflict, "this process already runs ONNX Runtime " + opened->version + " from '" +
                                        opened->path + "'; start another for '" + path + "'"};
    }
    return static_cast<const OrtLibrary*>(opened);
  }
  return unavailable("ONNX Runtime's library was not found: tried " + (tried.empty() ? "no path" : tried) +
                     "; name libonnxruntime.so.1 with --engine-lib FILE");
}

}  // namespace arete::engine
