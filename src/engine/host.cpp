#include "engine/host.h"

#include <string>

#include "os/base/machine.h"

namespace arete::engine {

Result<int> resolve_threads(int threads) {
  if (threads < 0 || threads > kMaxThreads) {
    return Error{Code::kInvalid, std::to_string(threads) + " threads: give a number from 1 to " +
                                     std::to_string(kMaxThreads) + ", or 0 for all physical cores"};
  }
  return threads == 0 ? os::physical_cores() : threads;
}

bool has_exact_int8_products() { return os::has_int8_dot_product(); }

void return_freed_memory() { os::return_freed_memory(); }

}  // namespace arete::engine
