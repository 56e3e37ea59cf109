// The last link step of libarete and libarete-run: hands the engines and the real files to the room api.run.
#include "apps/library.h"

#include "api/run/status.h"
#include "arete/c.h"
#include "os/base/files.h"

namespace api = arete::api;
using arete::apps::make_library_engine;

extern "C" {

arete_status* arete_model_open(const char* path, const arete_model_options* options, arete_model** model) noexcept {
  return api::guarded([&] {
    const auto source = api::source_from_path(arete::os::real_file_system(), path);
    return api::open_model(source, make_library_engine, options, model);
  });
}

arete_status* arete_model_open_bytes(const void* data, size_t size_bytes, const char* name,
                                     const arete_model_options* options, arete_model** model) noexcept {
  return api::guarded([&] {
    const auto source = api::source_from_bytes(data, size_bytes, name);
    return api::open_model(source, make_library_engine, options, model);
  });
}

}  // extern "C"
