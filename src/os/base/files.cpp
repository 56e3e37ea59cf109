#include "os/base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/base/descriptor.h"

namespace arete::os {
namespace {

Error io_error(const std::string& path, const std::string& doing, int code) {
  const Code kind = code == ENOENT || code == ENOTDIR ? Code::kNotFound : Code::kIo;
  return {kind, "cannot " + doing + " '" + path + "': " + std::strerror(code)};
}

FileKind kind_of(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return FileKind::kFile;
  return S_ISDIR(info.st_mode) ? FileKind::kFolder : FileKind::kOther;
}

class RealReadable final : public ReadableFile {
 public:
  RealReadable(Descriptor file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  std::uint64_t size_bytes() const override { return size_; }
  Status read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    while (!to.empty()) {
      const ssize_t got = ::pread(file_.number(), to.data(), to.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return io_error(path_, "read", errno);
      if (got == 0) return Error{Code::kCorrupt, "'" + path_ + "' is shorter than its content says"};
      offset += static_cast<std::uint64_t>(got);
      to = to.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }
  int descriptor() const { return file_.number(); }

 private:
  Descriptor file_;
  std::string path_;
  std::uint64_t size_;
};

Error no_regular_file(const std::string& path) {
  return {Code::kInvalid, "'" + path + "' is no regular file (a FIFO, device or socket)"};
}

Result<std::unique_ptr<RealReadable>> open_regular(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0 && errno == ENXIO) return no_regular_file(path);  // a socket
  if (file.number() < 0) return io_error(path, "open", errno);
  struct stat info{};
  if (::fstat(file.number(), &info) != 0) return io_error(path, "open", errno);
  if (kind_of(info) == FileKind::kFolder) return Error{Code::kInvalid, "'" + path + "' is a folder, not a file"};
  if (kind_of(info) == FileKind::kOther) return no_regular_file(path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return std::make_unique<RealReadable>(std::move(file), path, size);
}

class RealStaged final : public StagedFile {
 public:
  RealStaged(std::string part, std::string path) : part_(std::move(part)), path_(std::move(path)) {}
  RealStaged(const RealStaged&) = delete;
  RealStaged& operator=(const RealStaged&) = delete;
  ~RealStaged() override {
    if (!part_.empty()) ::unlink(part_.c_str());
  }

  Result<std::unique_ptr<ReadableFile>> open() const override {
    ASSIGN_OR_RETURN(std::unique_ptr<RealReadable> file, open_regular(part_));
    return std::unique_ptr<ReadableFile>(std::move(file));
  }
  Status commit() override {
    if (::rename(part_.c_str(), path_.c_str()) != 0) return io_error(path_, "write", errno);
    part_.clear();
    const Descriptor folder(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.number() >= 0) ::fsync(folder.number());  // some file systems refuse; the data is safe
    return {};
  }

 private:
  std::string part_;
  std::string path_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<FileInfo> info(const std::string& path) const override {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return io_error(path, "open", errno);
    return FileInfo{kind_of(info), static_cast<std::uint64_t>(info.st_size), info.st_dev, info.st_ino};
  }

  Result<std::string> canonical(const std::string& path) const override {
    const std::unique_ptr<char, void (*)(void*)> whole(::realpath(path.c_str(), nullptr), &std::free);
    if (!whole) return io_error(path, "resolve", errno);
    return std::string(whole.get());
  }

  Result<std::vector<std::string>> list(const std::string& folder) const override {
    DIR* const dir = ::opendir(folder.c_str());
    if (dir == nullptr) return io_error(folder, "list", errno);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(dir);
    std::ranges::sort(names);
    return names;
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) const override {
    ASSIGN_OR_RETURN(std::unique_ptr<RealReadable> file, open_regular(path));
    return std::unique_ptr<ReadableFile>(std::move(file));
  }

  Result<SharedBytes> map(const std::string& path) const override {
    ASSIGN_OR_RETURN(const std::unique_ptr<RealReadable> file, open_regular(path));
    const std::size_t size = file->size_bytes();
    if (size == 0) return SharedBytes{};
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->descriptor(), 0);
    if (address == MAP_FAILED) return io_error(path, "map", errno);
    std::shared_ptr<const void> owner(address, [size](const void* at) { ::munmap(const_cast<void*>(at), size); });
    return SharedBytes{std::move(owner), {static_cast<const std::byte*>(address), size}};
  }

  Result<std::unique_ptr<StagedFile>> stage_written(const std::string& path, const WriteContent& write) const override {
    // Unique beside the target, also among threads that write the same file; O_EXCL so that nobody's
    // file or link is written through.
    static std::atomic<unsigned> writes{0};
    const std::string part = path + ".part." + std::to_string(::getpid()) + "." + std::to_string(writes.fetch_add(1));
    auto staged = std::make_unique<RealStaged>(part, path);
    RETURN_IF_ERROR(write_new(part, path, write));
    return std::unique_ptr<StagedFile>(std::move(staged));
  }

  Status make_folders(const std::string& path) const override {
    for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
      const std::string part = path.substr(0, at);
      if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) return io_error(part, "make folder", errno);
      if (at == std::string::npos) break;
    }
    ASSIGN_OR_RETURN(const FileInfo made, info(path));
    if (made.kind != FileKind::kFolder) return Error{Code::kConflict, "'" + path + "' is a file, not a folder"};
    return {};
  }

  Status remove(const std::string& path) const override {
    if (::unlink(path.c_str()) != 0) return io_error(path, "remove", errno);
    return {};
  }

 private:
  // Errors name `path`, which the caller knows.
  static Status write_new(const std::string& part, const std::string& path, const WriteContent& write) {
    ::unlink(part.c_str());  // left by a process of our number that was cut off
    const Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.number() < 0) return io_error(path, "write", errno);
    RETURN_IF_ERROR(write([&](std::span<const std::byte> bytes) {
      return write_whole(file, bytes) ? Status() : Status(io_error(path, "write", errno));
    }));
    if (::fsync(file.number()) != 0) return io_error(path, "write", errno);
    return {};
  }
};

}  // namespace

const FileSystem& real_file_system() {
  static const RealFileSystem& files = *new RealFileSystem;  // as real_clock()
  return files;
}

Result<std::string> read_file(const FileSystem& files, const std::string& path, std::uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, files.open(path));
  if (file->size_bytes() > max_bytes) {
    return Error{Code::kExhausted, "'" + path + "' has " + std::to_string(file->size_bytes()) +
                                       " bytes, over the limit of " + std::to_string(max_bytes)};
  }
  std::string text(file->size_bytes(), '\0');
  RETURN_IF_ERROR(file->read_at(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<std::unique_ptr<StagedFile>> FileSystem::stage(const std::string& path,
                                                      std::span<const std::span<const std::byte>> parts) const {
  return stage_written(path, [parts](const Append& append) -> Status {
    for (const std::span<const std::byte> part : parts) RETURN_IF_ERROR(append(part));
    return {};
  });
}

Status FileSystem::write_parts(const std::string& path, std::span<const std::span<const std::byte>> parts) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<StagedFile> staged, stage(path, parts));
  return staged->commit();
}

Status write_text(const FileSystem& files, const std::string& path, std::string_view text) {
  return files.write(path, std::as_bytes(std::span(text)));
}

bool same_file(const FileSystem& files, const std::string& a, const std::string& b) {
  if (a == b) return true;
  const Result<FileInfo> first = files.info(a);
  const Result<FileInfo> second = files.info(b);
  return first && second && first->inode != 0 && first->inode == second->inode && first->device == second->device;
}

bool lies_within(const FileSystem& files, const std::string& path, const std::string& folder) {
  constexpr int kMaxDepth = 1000;
  std::string at = folder_of(path);
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    if (same_file(files, at, folder)) return true;
    const std::string up = join_path(at, "..");
    if (!files.info(up) || same_file(files, at, up)) return false;  // the root is its own parent
    at = up;
  }
  return false;
}

std::string join_path(std::string_view folder, std::string_view name) {
  if (folder.empty() || folder == ".") return std::string(name);
  return std::string(folder) + (folder.ends_with('/') ? "" : "/") + std::string(name);
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string stem_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  const std::size_t dot = path.rfind('.');
  return std::string(dot == std::string_view::npos || dot == 0 ? path : path.substr(0, dot));
}

std::string extension_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return "";
  std::string extension(path.substr(dot));
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

}  // namespace arete::os
