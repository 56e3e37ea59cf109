#include "apps/bundles.h"

#include "apps/cli.h"
#include "bundle/files/bundle_files.h"
#include "os/base/files.h"

namespace arete::apps {

Result<OpenFile> open_for_reading(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, os::real_file_system().open(path));
  return OpenFile{[file](std::uint64_t offset, std::span<std::byte> to) { return file->read_at(offset, to); },
                  file->size_bytes()};
}

Result<bundle::Bundle> open_bundle(const std::string& path, const KeyOptions& keys) {
  Result<bundle::Bundle> opened = bundle::open_bundle(os::real_file_system(), path);
  if (!opened || !opened->is_sealed() || keys.keys.empty()) return opened;
  const Result<bundle::ContentKey> key = content_key(keys, path, manifest_digest(*opened));
  if (!key) return with_context(key.error(), path);
  opened->unseal_with(*key);
  return opened;
}

Result<std::uint64_t> write_file(
    const std::string& path, const std::string& what,
    const std::function<Status(const bundle::Sink& sink, const bundle::Progress& told)>& write) {
  ProgressLine progress;
  const bundle::Progress told = [&](std::uint64_t done, std::uint64_t total) {
    progress.show(what, static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
  };
  std::uint64_t bytes = 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> staged,
                   os::real_file_system().stage_written(path, [&](const os::Append& append) {
                     return write(
                         [&](std::span<const std::byte> part) {
                           bytes += part.size();
                           return append(part);
                         },
                         told);
                   }));
  progress.clear();
  RETURN_IF_ERROR(staged->commit());
  return bytes;
}

}  // namespace arete::apps
