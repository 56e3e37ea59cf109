#include "os/base/memory_files.h"

#include <algorithm>
#include <cstring>

namespace arete::os {
namespace {

class MemoryReadable final : public ReadableFile {
 public:
  explicit MemoryReadable(std::shared_ptr<const std::string> content) : content_(std::move(content)) {}
  std::uint64_t size_bytes() const override { return content_->size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    if (offset > content_->size() || to.size() > content_->size() - offset) {
      return Error{Code::kCorrupt, "the file is shorter than its content says"};
    }
    if (!to.empty()) std::memcpy(to.data(), content_->data() + offset, to.size());
    return {};
  }

 private:
  std::shared_ptr<const std::string> content_;
};

using Contents = std::map<std::string, std::shared_ptr<const std::string>>;

class MemoryStaged final : public StagedFile {
 public:
  MemoryStaged(Contents& files, std::string path, Contents::mapped_type content)
      : files_(files), path_(std::move(path)), content_(std::move(content)) {}
  Result<std::unique_ptr<ReadableFile>> open() const override {
    return std::unique_ptr<ReadableFile>(std::make_unique<MemoryReadable>(content_));
  }
  Status commit() override {
    files_[path_] = std::move(content_);
    return {};
  }

 private:
  Contents& files_;
  std::string path_;
  Contents::mapped_type content_;
};

Error failure(Code code, const std::string& doing, const std::string& path, const char* why) {
  return {code, "cannot " + doing + " '" + path + "': " + why};
}

Error not_found(const std::string& doing, const std::string& path) {
  return failure(Code::kNotFound, doing, path, "No such file or directory");
}

// How the paths of all files below a folder begin: "a/" for "a" and "a/", "" for ".".
std::string prefix_of(std::string folder) {
  while (folder.ends_with('/')) folder.pop_back();
  return folder.empty() || folder == "." ? "" : folder + "/";
}

}  // namespace

bool MemoryFileSystem::is_folder(const std::string& path) const {
  const std::string prefix = prefix_of(path);
  const auto below = files_.lower_bound(prefix);
  return below != files_.end() && below->first.starts_with(prefix);
}

bool MemoryFileSystem::lies_below_a_file(const std::string& path) const {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    if (files_.contains(path.substr(0, at))) return true;
  }
  return false;
}

Result<MemoryFileSystem::Content> MemoryFileSystem::find_file(const std::string& path) const {
  if (const auto found = files_.find(path); found != files_.end()) return found->second;
  if (is_folder(path)) return Error{Code::kInvalid, "'" + path + "' is a folder, not a file"};
  return not_found("open", path);
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) const {
  if (const auto found = files_.find(path); found != files_.end()) {
    return FileInfo{FileKind::kFile, found->second->size()};
  }
  if (is_folder(path)) return FileInfo{FileKind::kFolder, 0};
  return not_found("open", path);
}

Result<std::string> MemoryFileSystem::canonical(const std::string& path) const {
  ASSIGN_OR_RETURN([[maybe_unused]] const FileInfo found, info(path));
  return path;
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& folder) const {
  if (!is_folder(folder)) return not_found("list", folder);
  const std::string prefix = prefix_of(folder);
  std::vector<std::string> names;
  for (auto at = files_.lower_bound(prefix); at != files_.end() && at->first.starts_with(prefix); ++at) {
    const std::string rest = at->first.substr(prefix.size());
    std::string name = rest.substr(0, rest.find('/'));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  std::ranges::sort(names);  // "a.b" stands before "a/c", but "a" before "a.b"
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& path) const {
  ASSIGN_OR_RETURN(Content content, find_file(path));
  return std::unique_ptr<ReadableFile>(std::make_unique<MemoryReadable>(std::move(content)));
}

Result<SharedBytes> MemoryFileSystem::map(const std::string& path) const {
  ASSIGN_OR_RETURN(Content content, find_file(path));
  const std::span<const std::byte> view = std::as_bytes(std::span(*content));
  return SharedBytes{std::move(content), view};
}

Result<std::unique_ptr<StagedFile>> MemoryFileSystem::stage_written(const std::string& path,
                                                                    const WriteContent& write) const {
  if (fail_writes_) return failure(Code::kIo, "write", path, "No space left on device");
  if (lies_below_a_file(path)) return not_found("write", path);
  if (is_folder(path)) return failure(Code::kIo, "write", path, "Is a directory");
  std::string content;
  RETURN_IF_ERROR(write([&content](std::span<const std::byte> part) -> Status {
    content.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  }));
  return std::unique_ptr<StagedFile>(
      std::make_unique<MemoryStaged>(files_, path, std::make_shared<const std::string>(std::move(content))));
}

Status MemoryFileSystem::make_folders(const std::string& path) const {
  if (!files_.contains(path) && !lies_below_a_file(path)) return {};
  return failure(Code::kConflict, "make folder", path, "a file is in the way");
}

Status MemoryFileSystem::remove(const std::string& path) const {
  if (files_.erase(path) > 0) return {};
  if (is_folder(path)) return failure(Code::kIo, "remove", path, "Is a directory");
  return not_found("remove", path);
}

}  // namespace arete::os
