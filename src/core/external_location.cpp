#include "core/external_location.h"

#include <algorithm>

namespace arete {

Status check_external_location(const std::string& location) {
  if (location.empty()) return Error{Code::kInvalid, "external data without a location"};
  const Error outside{Code::kUntrusted, "external data '" + location +
                                            "': only files in the model's own folder are read; put it beside the model "
                                            "and save that with a relative location"};
  if (location.front() == '/' || location.find('\\') != std::string::npos || location.find('\0') != std::string::npos)
    return outside;
  for (std::size_t at = 0; at <= location.size();) {
    const std::size_t end = std::min(location.find('/', at), location.size());
    if (location.compare(at, end - at, "..") == 0) return outside;
    at = end + 1;
  }
  return {};
}

}  // namespace arete
