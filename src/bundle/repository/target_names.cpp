#include "bundle/repository/target_names.h"

namespace arete::bundle {
namespace {

constexpr std::size_t kOlderDigits = 16;

constexpr std::string_view kBundleEnding = ".arete";

}  // namespace

std::string bundle_target(const Manifest& manifest) {
  return manifest.name + "/" + manifest.name + "-" + manifest.version + std::string(kBundleEnding);
}

std::string delta_target(const std::string& bundle_target, const Digest& older) {
  std::string stem = bundle_target;
  if (stem.ends_with(kBundleEnding)) stem.resize(stem.size() - kBundleEnding.size());
  return stem + "-from-" + older.hex().substr(0, kOlderDigits) + ".delta";
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
  if (!manifest) return {};
  const Result<std::string> agent = custom.get_string("min_agent");
  return Release{*model, *version, static_cast<std::uint64_t>(*release), *manifest, agent ? *agent : ""};
}

}  // namespace arete::bundle
