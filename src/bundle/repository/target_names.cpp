#include "bundle/repository/target_names.h"

#include <algorithm>

namespace arete::bundle {
namespace {

constexpr std::size_t kOlderDigits = 16;

constexpr std::string_view kBundleEnding = ".arete";

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_plain_path(std::string_view path) {
  if (path.empty() || has_control(path)) return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

std::string bundle_target(const Manifest& manifest) {
  return manifest.name + "/" + manifest.name + "-" + manifest.version + std::string(kBundleEnding);
}

std::string delta_target(const std::string& bundle_target, const Digest& older) {
  std::string stem = bundle_target;
  if (stem.ends_with(kBundleEnding)) stem.resize(stem.size() - kBundleEnding.size());
  return stem + "-from-" + older.hex().substr(0, kOlderDigits) + ".delta";
}

Status check_target(const std::string& path, const tuf::FileInfo& info) {
  if (!is_plain_path(path))
    return Error{Code::kUntrusted, Json(path).dump() + " is signed as a target, and is no path below the targets"};
  const auto sha256 = info.hashes.find("sha256");
  if (sha256 == info.hashes.end() || digest_from_hex(sha256->second)) return {};
  return Error{Code::kUntrusted, "'" + path + "' is signed with a SHA-256 that is not 64 hex digits in lower case"};
}

std::optional<Release> release_of(const tuf::FileInfo& target) {
  const Json& custom = target.custom;
  const Result<std::string> kind = custom.get_string("kind");
  const Result<std::string> model = custom.get_string("model");
  const Result<std::string> version = custom.get_string("model_version");
  const Result<std::int64_t> release = custom.get_integer("release_counter");
  const Result<std::string> sha256 = custom.get_string("manifest_sha256");
  if (!kind || *kind != "bundle" || !model || !version || !release || *release < 0 || !sha256) return {};
  const Result<Digest> manifest = digest_from_hex(*sha256);
  const Result<std::string> agent = custom.get_string("min_agent");
  if (!manifest || has_control(*model) || has_control(*version) || (agent && has_control(*agent))) return {};
  return Release{*model, *version, static_cast<std::uint64_t>(*release), *manifest, agent ? *agent : ""};
}

}  // namespace arete::bundle
