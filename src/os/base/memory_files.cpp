#include "os/base/memory_files.h"

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

Error not_found(const std::string& path) {
  return {Code::kNotFound, "cannot open '" + path + "': No such file or directory"};
}

}  // namespace

Error MemoryFileSystem::no_file(const std::string& path) const {
  if (info(path)) return {Code::kInvalid, "'" + path + "' is a folder, not a file"};
  return not_found(path);
}

Result<FileInfo> MemoryFileSystem::info(const std::string& path) const {
  if (const auto found = files_.find(path); found != files_.end()) {
    return FileInfo{FileKind::kFile, found->second->size()};
  }
  const std::string prefix = path + "/";
  const auto below = files_.lower_bound(prefix);
  if (below != files_.end() && below->first.starts_with(prefix)) return FileInfo{FileKind::kFolder, 0};
  return not_found(path);
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& folder) const {
  const std::string prefix = folder + "/";
  std::vector<std::string> names;
  for (auto at = files_.lower_bound(prefix); at != files_.end() && at->first.starts_with(prefix); ++at) {
    const std::string rest = at->first.substr(prefix.size());
    std::string name = rest.substr(0, rest.find('/'));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  if (names.empty()) return not_found(folder);
  return names;
}

Result<std::unique_ptr<ReadableFile>> MemoryFileSystem::open(const std::string& path) const {
  const auto found = files_.find(path);
  if (found != files_.end()) return std::unique_ptr<ReadableFile>(std::make_unique<MemoryReadable>(found->second));
  return no_file(path);
}

Result<SharedBytes> MemoryFileSystem::map(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return no_file(path);
  return SharedBytes{found->second, std::as_bytes(std::span(*found->second))};
}

Status MemoryFileSystem::write_parts(const std::string& path, std::span<const std::span<const std::byte>> parts) const {
  if (fail_writes_) return Error{Code::kIo, "cannot write '" + path + "': No space left on device"};
  std::string content;
  for (const std::span<const std::byte> part : parts) content.append(reinterpret_cast<const char*>(part.data()), part.size());
  files_[path] = std::make_shared<const std::string>(std::move(content));
  return {};
}

Status MemoryFileSystem::make_folders(const std::string& /*path*/) const { return {}; }

Status MemoryFileSystem::remove(const std::string& path) const {
  if (files_.erase(path) == 0) return not_found(path);
  return {};
}

}  // namespace arete::os
