#include "apps/bundles.h"

#include "os/base/files.h"

namespace arete::apps {

Result<OpenFile> open_for_reading(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, os::real_file_system().open(path));
  return OpenFile{bundle::reader_of(file), file->size_bytes()};
}

bundle::Progress told_on(ProgressLine& line, const char* what) {
  return [&line, what](std::uint64_t done, std::uint64_t total) {
    line.show(what, static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
  };
}

Result<std::uint64_t> write_file(
    const std::string& path, const std::string& what,
    const std::function<Status(const bundle::Sink& sink, const bundle::Progress& told)>& write) {
  ProgressLine progress;
  const bundle::Progress told = told_on(progress, what.c_str());
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
