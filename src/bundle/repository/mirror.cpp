#include "bundle/repository/mirror.h"

#include <algorithm>
#include <vector>

#include "bundle/digest.h"
#include "bundle/repository/target_names.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 20;
constexpr int kDocumentTimeoutMs = 60'000;

bool is_address(const std::string& place) { return place.starts_with("http://") || place.starts_with("https://"); }

Status read_part_by_part(const os::ReadableFile& file, const os::TakeBody& take) {
  std::vector<std::byte> part;
  for (std::uint64_t at = 0; at < file.size_bytes(); at += part.size()) {
    part.resize(std::min<std::uint64_t>(kPart, file.size_bytes() - at));
    RETURN_IF_ERROR(file.read_at(at, part));
    RETURN_IF_ERROR(take(part));
  }
  return {};
}

}  // namespace

Mirror::Mirror(std::string place) : place_(std::move(place)) {
  if (is_address(place_)) {
    os::HttpClientOptions options;
    targets_ = os::make_http_client(options);
    options.total_timeout_ms = kDocumentTimeoutMs;
    documents_ = os::make_http_client(options);
  }
  while (place_.size() > 1 && place_.ends_with('/')) place_.pop_back();
}

Status Mirror::check_place(const std::string& place) {
  if (is_address(place) || place.find("://") == std::string::npos) return {};
  return Error{Code::kInvalid,
               "'" + place + "': a repository is an address that begins with http:// or https://, or a folder"};
}

Status Mirror::read(os::HttpClient* http, const std::string& name, std::uint64_t max_bytes, const os::TakeBody& take) {
  const std::string where = place_ + "/" + name;
  if (http != nullptr) {
    ASSIGN_OR_RETURN(const int status, http->download(where, max_bytes, take));
    if (status == 200) return {};
    // Stores without a listing say 403 for what is not there.
    return Error{status == 404 || status == 403 ? Code::kNotFound : Code::kUnavailable,
                 where + " answers " + std::to_string(status)};
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<os::ReadableFile> file, os::real_file_system().open(where));
  if (file->size_bytes() > max_bytes)
    return Error{Code::kExhausted, where + " has more than " + std::to_string(max_bytes) + " bytes"};
  return read_part_by_part(*file, take);
}

Result<std::string> Mirror::metadata(const std::string& name, std::uint64_t max_bytes) {
  std::string text;
  RETURN_IF_ERROR(read(documents_.get(), "metadata/" + name, max_bytes, [&](std::span<const std::byte> part) -> Status {
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
    return {};
  }));
  return text;
}

Result<std::unique_ptr<os::StagedFile>> Mirror::stage_target(const std::string& place, const tuf::FileInfo& info,
                                                             const std::string& path) {
  RETURN_IF_ERROR(check_target(place, info));
  const auto wanted = info.hashes.find("sha256");
  if (wanted == info.hashes.end() || !info.length)
    return Error{Code::kUnsupported, "'" + place + "' is signed without length or SHA-256"};
  Sha256 sha256;
  std::uint64_t bytes = 0;
  return os::real_file_system().stage_written(path, [&](const os::Append& append) -> Status {
    RETURN_IF_ERROR(read(targets_.get(), "targets/" + place, *info.length, [&](std::span<const std::byte> part) {
      sha256.add(part);
      bytes += part.size();
      return append(part);
    }));
    if (bytes == *info.length && sha256.finish().hex() == wanted->second) return {};
    return Error{Code::kUntrusted, "'" + place + "' has other bytes than were signed"};
  });
}

std::string TrustFolder::at(const std::string& name) const { return os::join_path(path_, name); }

Result<std::string> TrustFolder::load(const std::string& name) {
  return os::read_file(os::real_file_system(), at(name), tuf::kMaxMetadataBytes);
}

Status TrustFolder::forget(const std::string& name) { return os::real_file_system().remove(at(name)); }

Status TrustFolder::save(const std::string& name, std::string_view text) {
  RETURN_IF_ERROR(os::real_file_system().make_folders(path_));
  return os::write_text(os::real_file_system(), at(name), text);
}

}  // namespace arete::bundle
