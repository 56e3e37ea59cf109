#include "os/keystore/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "os/base/files.h"

namespace arete::os {

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = join_path(folder, ".lock");
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  // Nobody changes a folder that cannot be changed; those who read it may go on.
  if (!file.is_open() && errno == EROFS) file = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) {
    const Code code = errno == ENOENT || errno == ENOTDIR ? Code::kNotFound : Code::kIo;
    return Error{code, "cannot lock the folder '" + folder + "' by its .lock: " + std::strerror(errno)};
  }
  while (::flock(file.number(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return Error{Code::kIo, "cannot lock '" + path + "': " + std::strerror(errno)};
  }
  return FolderLock(std::move(file));
}

}  // namespace arete::os
