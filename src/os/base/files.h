// FileSystem: every touch of files and folders, behind an interface with an in-memory fake.
//
// Writes are atomic: a reader sees the old bytes or the new ones, also after a power cut (written
// beside the target, fsync, rename, fsync of the folder). Paths are UTF-8 and may hold anything but NUL.
// Threads: real_file_system() may be used from many; the fake belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"

namespace arete::os {

enum class FileKind : std::uint8_t { kFile, kFolder, kOther };  // kOther: FIFO, device, socket

struct FileInfo {
  FileKind kind = FileKind::kFile;
  std::uint64_t size_bytes = 0;
  // Equal for two paths that lead to the same file; 0, 0 where the system does not say.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

// An open file that is read by offset.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Fills `to` completely; kCorrupt at the end of the file. Thread-safe.
  virtual Status read_at(std::uint64_t offset, std::span<std::byte> to) const = 0;
};

// Content that lies whole and safe beside its target and does not show yet. Gone with this object unless it was
// committed.
class StagedFile {
 public:
  virtual ~StagedFile() = default;
  // What is staged, to judge it before it is committed; readable as long as it is held.
  virtual Result<std::unique_ptr<ReadableFile>> open() const = 0;
  // Lets it take the target's place, atomically. Once.
  virtual Status commit() = 0;
};

// Takes bytes that follow those before.
using Append = std::function<Status(std::span<const std::byte> bytes)>;
// Gives a file's content, part by part.
using WriteContent = std::function<Status(const Append& append)>;

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // kNotFound, kIo (the message has the path and the reason).
  virtual Result<FileInfo> info(const std::string& path) const = 0;
  // The absolute path without links, "." and "..". kNotFound, kIo.
  virtual Result<std::string> canonical(const std::string& path) const = 0;
  // Names (not paths) in a folder, sorted bytewise; "." and ".." left out.
  virtual Result<std::vector<std::string>> list(const std::string& folder) const = 0;
  // Regular files only: a folder is kInvalid, a FIFO or device too (it could block for ever).
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) const = 0;
  // The file's bytes, mapped where the system can, so that untouched pages cost nothing. The file
  // must not be truncated while they are used.
  virtual Result<SharedBytes> map(const std::string& path) const = 0;
  // What `write` appends, ready to become `path`: who writes several files stages all before committing any, so that a
  // full disk leaves the old ones. Makes no folders. Nothing is left where `write` fails; its error is handed on.
  virtual Result<std::unique_ptr<StagedFile>> stage_written(const std::string& path,
                                                            const WriteContent& write) const = 0;
  // The parts one behind the other.
  Result<std::unique_ptr<StagedFile>> stage(const std::string& path,
                                            std::span<const std::span<const std::byte>> parts) const;
  // Staged and committed at once.
  Status write_parts(const std::string& path, std::span<const std::span<const std::byte>> parts) const;
  Status write(const std::string& path, std::span<const std::byte> bytes) const {
    return write_parts(path, {&bytes, 1});
  }
  virtual Status make_folders(const std::string& path) const = 0;
  virtual Status remove(const std::string& path) const = 0;
};

const FileSystem& real_file_system();

// The whole file, at most max_bytes (kExhausted above).
Result<std::string> read_file(const FileSystem& files, const std::string& path, std::uint64_t max_bytes);
Status write_text(const FileSystem& files, const std::string& path, std::string_view text);

// True when both paths lead to one file that is there (links and "./" included), or are equal.
bool same_file(const FileSystem& files, const std::string& a, const std::string& b);

// True when the folder holds `path`, at any depth. The path's own file need not be there.
bool lies_within(const FileSystem& files, const std::string& path, const std::string& folder);

// Path arithmetic on '/' alone; no file is touched.
std::string join_path(std::string_view folder, std::string_view name);
std::string folder_of(std::string_view path);     // "." for a bare name
std::string stem_of(std::string_view path);       // file name without its last extension
std::string extension_of(std::string_view path);  // lower case, with the dot; "" without one

}  // namespace arete::os
