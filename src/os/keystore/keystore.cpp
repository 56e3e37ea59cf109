#include "os/keystore/keystore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/base/files.h"

namespace arete::os {
namespace {

constexpr std::uint64_t kMaxKeyBytes = std::uint64_t{1} << 20;

}  // namespace

Result<std::string> read_private_key(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    const Code code = errno == ENOENT ? Code::kNotFound : Code::kIo;
    return Error{code, "cannot read the key '" + path + "': " + std::strerror(errno)};
  }
  if ((info.st_mode & 0077U) != 0)
    return Error{Code::kUntrusted, "others may read the key '" + path + "'; chmod 600 it"};
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return Error{Code::kUntrusted, "the key '" + path + "' belongs to another user"};
  return read_file(real_file_system(), path, kMaxKeyBytes);
}

}  // namespace arete::os
