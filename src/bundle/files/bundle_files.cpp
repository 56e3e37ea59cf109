#include "bundle/files/bundle_files.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "os/base/sealed_bytes.h"

namespace arete::bundle {
namespace {

Error not_found(const std::string& path) { return {Code::kNotFound, "'" + path + "' is not in the bundle"}; }

Error read_only(const std::string& path) {
  return {Code::kUnsupported, "'" + path + "': a bundle's files are only read"};
}

// Joined with its first byte: whoever asks for the size alone takes no memory.
class JoinedFile final : public os::ReadableFile {
 public:
  JoinedFile(const BundleFiles& files, std::string path, std::uint64_t size_bytes)
      : files_(files), path_(std::move(path)), size_bytes_(size_bytes) {}
  std::uint64_t size_bytes() const override { return size_bytes_; }
  Status read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    if (to.empty()) return {};
    if (joined_.view.empty()) {
      ASSIGN_OR_RETURN(joined_, files_.map(path_));
    }
    if (offset > joined_.view.size() || to.size() > joined_.view.size() - offset)
      return Error{Code::kCorrupt, "'" + path_ + "' is shorter than its content says"};
    std::memcpy(to.data(), joined_.view.data() + offset, to.size());
    return {};
  }

 private:
  const BundleFiles& files_;
  const std::string path_;
  const std::uint64_t size_bytes_;
  mutable SharedBytes joined_;
};

}  // namespace

BundleFiles::BundleFiles(Bundle bundle, std::string path) : bundle_(std::move(bundle)), path_(std::move(path)) {
  for (const BundleFile& file : manifest().files) contents_.insert_or_assign(path_ + "/" + file.path, Content{&file});
  for (const Variant& variant : manifest().variants) put_beside(variant);
}

// What stands in the manifest goes before files of those names.
void BundleFiles::put_beside(const Variant& variant) {
  const std::string model = model_path(variant);
  const std::string beside = os::join_path(os::folder_of(model), os::stem_of(model));
  if (manifest().card)
    contents_.insert_or_assign(beside + ".card.json", Content{nullptr, to_json(*manifest().card).dump(2) + "\n"});
  if (manifest().golden)
    contents_.insert_or_assign(beside + ".golden.npz", Content{find_file(manifest(), manifest().golden->path)});
}

bool BundleFiles::is_folder(const std::string& path) const {
  const std::string prefix = path.ends_with('/') ? path : path + "/";
  const auto below = contents_.lower_bound(prefix);
  return below != contents_.end() && below->first.starts_with(prefix);
}

Result<const BundleFiles::Content*> BundleFiles::find(const std::string& path) const {
  if (const auto found = contents_.find(path); found != contents_.end()) return &found->second;
  if (is_folder(path)) return Error{Code::kInvalid, "'" + path + "' is a folder, not a file"};
  return not_found(path);
}

Result<os::FileInfo> BundleFiles::info(const std::string& path) const {
  if (is_folder(path)) return os::FileInfo{os::FileKind::kFolder};
  ASSIGN_OR_RETURN(const Content* const content, find(path));
  return os::FileInfo{os::FileKind::kFile, content->size_bytes()};
}

Result<std::string> BundleFiles::canonical(const std::string& path) const {
  RETURN_IF_ERROR(info(path));
  return path;
}

Result<std::vector<std::string>> BundleFiles::list(const std::string& folder) const {
  if (!is_folder(folder)) return not_found(folder);
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  std::vector<std::string> names;
  for (auto at = contents_.lower_bound(prefix); at != contents_.end() && at->first.starts_with(prefix); ++at)
    names.push_back(at->first.substr(prefix.size(), at->first.find('/', prefix.size()) - prefix.size()));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Result<std::unique_ptr<os::ReadableFile>> BundleFiles::open(const std::string& path) const {
  ASSIGN_OR_RETURN(const Content* const content, find(path));
  return std::unique_ptr<os::ReadableFile>(std::make_unique<JoinedFile>(*this, path, content->size_bytes()));
}

Result<SharedBytes> BundleFiles::map(const std::string& path) const {
  ASSIGN_OR_RETURN(const Content* const content, find(path));
  if (content->file == nullptr) return share_bytes(content->text);
  Result<SharedBytes> joined = os::sealed_bytes(
      content->file->bytes, [&](const os::Append& append) { return read_file(bundle_, *content->file, append); });
  if (!joined) return with_context(std::move(joined).error(), path);
  return joined;
}

Result<std::unique_ptr<os::StagedFile>> BundleFiles::stage_written(const std::string& path,
                                                                   const os::WriteContent&) const {
  return read_only(path);
}
Status BundleFiles::make_folders(const std::string& path) const { return read_only(path); }
Status BundleFiles::remove(const std::string& path) const { return read_only(path); }

Result<bool> is_bundle(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<os::ReadableFile> file, files.open(path));
  std::array<std::byte, kMagicBytes> first{};
  if (file->size_bytes() < first.size()) return false;
  RETURN_IF_ERROR(file->read_at(0, first));
  return looks_like_bundle(first);
}

}  // namespace arete::bundle
