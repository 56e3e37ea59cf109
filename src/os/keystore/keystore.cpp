#include "os/keystore/keystore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "os/base/descriptor.h"
#include "os/base/files.h"

namespace arete::os {
namespace {

constexpr std::size_t kMaxKeyBytes = std::size_t{1} << 20;

Error cannot_write(const std::string& path) {
  const Code code = errno == EEXIST ? Code::kConflict : Code::kIo;
  return {code, "cannot write the key '" + path + "': " + std::strerror(errno)};
}

Error cannot_read(const std::string& path) {
  const Code code = errno == ENOENT || errno == ENOTDIR ? Code::kNotFound : Code::kIo;
  return {code, "cannot read the key '" + path + "': " + std::strerror(errno)};
}

Descriptor new_file(const std::string& path) {
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

Status write_all(const Descriptor& file, std::string_view text, const std::string& path) {
  const bool done = write_whole(file, std::as_bytes(std::span(text))) && ::fsync(file.number()) == 0;
  return done ? Status() : Status(cannot_write(path));
}

Status sync_folder(const std::string& path) {
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems refuse; then what was written is as safe as it can be there.
  const bool done = folder.is_open() && (::fsync(folder.number()) == 0 || errno == EINVAL);
  return done ? Status() : Status(cannot_write(path));
}

// For file systems without hard links, as sticks have: not whole from its first moment, but never over another.
Status write_in_place(const std::string& path, std::string_view text) {
  const Descriptor file = new_file(path);
  if (!file.is_open()) return cannot_write(path);
  Status done = write_all(file, text, path);
  if (!done) ::unlink(path.c_str());
  return done;
}

// Unlike a rename, a link takes no place that is taken.
Status take_place(const std::string& beside, const std::string& path, std::string_view text) {
  if (::link(beside.c_str(), path.c_str()) == 0) return {};
  const bool has_links = errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS;
  return has_links ? Status(cannot_write(path)) : write_in_place(path, text);
}

Status check_kind(const struct stat& info, const std::string& path) {
  if (S_ISDIR(info.st_mode)) return Error{Code::kInvalid, "the key '" + path + "' is a folder, not a file"};
  if (!S_ISREG(info.st_mode))
    return Error{Code::kInvalid, "the key '" + path + "' is no regular file (a FIFO, device or socket)"};
  if (std::cmp_greater(info.st_size, kMaxKeyBytes))
    return Error{Code::kExhausted, "the key '" + path + "' is longer than a key can be (1 MiB)"};
  return {};
}

Status check_owner(const struct stat& info, const std::string& path) {
  if ((info.st_mode & 0077U) != 0)
    return Error{Code::kUntrusted, "others may read the key '" + path + "'; chmod 600 it"};
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return Error{Code::kUntrusted, "the key '" + path + "' belongs to another user"};
  return {};
}

// It may grow meanwhile: no more than the limit is taken.
Result<std::string> read_all(const Descriptor& file, const std::string& path, std::size_t expected) {
  std::string text(expected + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > expected) return Error{Code::kUnavailable, "the key '" + path + "' is being written; try again"};
  text.resize(size);
  return text;
}

// Public keys are for everybody to read, so this comes before the permissions: chmod would not help.
Status check_private(std::string_view text, const std::string& path) {
  const bool is_public = text.find("-----BEGIN PUBLIC KEY-----") != std::string_view::npos &&
                         text.find("PRIVATE KEY-----") == std::string_view::npos;
  return is_public ? Status(Error{Code::kInvalid, "'" + path + "' is a public key; the private one is wanted here"})
                   : Status();
}

}  // namespace

Status write_private_key(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());  // of a process that was killed here
  const Descriptor file = new_file(beside);
  if (!file.is_open()) return cannot_write(path);
  Status done = write_all(file, text, path);
  if (done) done = take_place(beside, path, text);
  ::unlink(beside.c_str());
  return done ? sync_folder(path) : done;
}

Result<std::string> read_private_key(const std::string& path) {
  // O_NONBLOCK: a FIFO must not wait for its writer. What is judged is what is read: the open file.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return cannot_read(path);
  struct stat info{};
  if (::fstat(file.number(), &info) != 0) return cannot_read(path);
  RETURN_IF_ERROR(check_kind(info, path));
  ASSIGN_OR_RETURN(std::string text, read_all(file, path, static_cast<std::size_t>(info.st_size)));
  RETURN_IF_ERROR(check_private(text, path));
  RETURN_IF_ERROR(check_owner(info, path));
  return text;
}

}  // namespace arete::os
