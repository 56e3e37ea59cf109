// MemoryFileSystem: the fake of FileSystem for tests. Folders exist when a file lies below them.
// Threads: one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/base/files.h"

namespace arete::os {

class MemoryFileSystem final : public FileSystem {
 public:
  Result<FileInfo> info(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& folder) const override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) const override;
  Result<SharedBytes> map(const std::string& path) const override;
  Status write_parts(const std::string& path, std::span<const std::span<const std::byte>> parts) const override;
  Status make_folders(const std::string& path) const override;
  Status remove(const std::string& path) const override;

  // The next writes fail with kIo ("no space left on device").
  void fail_writes(bool fail) { fail_writes_ = fail; }

 private:
  Error no_file(const std::string& path) const;  // why `path` cannot be opened as a file

  mutable std::map<std::string, std::shared_ptr<const std::string>> files_;
  bool fail_writes_ = false;
};

}  // namespace arete::os
