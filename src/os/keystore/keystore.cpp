#include "os/keystore/keystore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/base/descriptor.h"
#include "os/base/files.h"

namespace arete::os {
namespace {

constexpr std::uint64_t kMaxKeyBytes = std::uint64_t{1} << 20;

Error cannot_write(const std::string& path) {
  const Code code = errno == EEXIST ? Code::kConflict : Code::kIo;
  return {code, "cannot write the key '" + path + "': " + std::strerror(errno)};
}

Status write_all(const Descriptor& file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.number(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot_write(path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file.number()) == 0 ? Status() : Status(cannot_write(path));
}

Status sync_folder(const std::string& path) {
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.is_open() && ::fsync(folder.number()) == 0 ? Status() : Status(cannot_write(path));
}

}  // namespace

Status write_private_key(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());  // of a process that was killed here
  const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return cannot_write(path);
  Status done = write_all(file, text, path);
  // Unlike a rename, a link takes no place that is taken.
  if (done && ::link(beside.c_str(), path.c_str()) != 0) done = cannot_write(path);
  ::unlink(beside.c_str());
  return done ? sync_folder(path) : done;
}

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
