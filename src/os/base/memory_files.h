// MemoryFileSystem: the fake of FileSystem for tests. It answers as the real one does (tests/os
// runs both through the same cases), but for folders: they exist when a file lies below them.
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
  Result<std::string> canonical(const std::string& path) const override;  // the path itself: there are no links here
  Result<std::vector<std::string>> list(const std::string& folder) const override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) const override;
  Result<SharedBytes> map(const std::string& path) const override;
  Result<std::unique_ptr<StagedFile>> stage_written(const std::string& path, const WriteContent& write) const override;
  Status make_folders(const std::string& path) const override;
  Status remove(const std::string& path) const override;

  // The next writes fail with kIo ("no space left on device").
  void fail_writes(bool fail) { fail_writes_ = fail; }

 private:
  using Content = std::shared_ptr<const std::string>;

  Result<Content> find_file(const std::string& path) const;
  bool is_folder(const std::string& path) const;
  bool lies_below_a_file(const std::string& path) const;

  mutable std::map<std::string, Content> files_;
  bool fail_writes_ = false;
};

}  // namespace arete::os
