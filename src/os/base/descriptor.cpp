#include "os/base/descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace arete::os {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

bool write_whole(const Descriptor& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file.number(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace arete::os
