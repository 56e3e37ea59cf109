#include "bundle/repository/publish_bundle.h"

#include <memory>
#include <optional>

#include "bundle/delta.h"
#include "bundle/repository/target_names.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

const os::FileSystem& files() { return os::real_file_system(); }

Status check_release(const Publishing& repository, const Manifest& manifest) {
  for (const auto& [target, info] : repository.targets()) {
    const std::optional<Release> there = release_of(info);
    if (!there || there->model != manifest.name || target == bundle_target(manifest)) continue;
    if (there->release < manifest.release) continue;
    return Error{Code::kInvalid, manifest.name + " " + manifest.version + " is release " +
                                     std::to_string(manifest.release) + ", but " + there->version + " is release " +
                                     std::to_string(there->release) +
                                     " already: devices would never take it. Create it with a higher --release"};
  }
  return {};
}

Json custom_of(Bundle& bundle) {
  const Manifest& manifest = bundle.manifest();
  return Json::object({{"kind", "bundle"},
                       {"model", manifest.name},
                       {"model_version", manifest.version},
                       {"release_counter", manifest.release},
                       {"manifest_sha256", manifest_digest(bundle).hex()},
                       {"sealed", bundle.is_sealed()},
                       {"min_agent", manifest.minimum_agent},
                       {"bytes_unpacked", file_bytes(manifest)}});
}

// A delta's bytes are other ones each time that it is sealed: one that is published already stays.
Status add_delta(const PublishOptions& o, const std::string& older_path, Bundle& newer, Publishing& repository) {
  ASSIGN_OR_RETURN(Bundle older, open_bundle(files(), older_path, o.unseal));
  if (older.manifest().name != newer.manifest().name)
    return Error{Code::kInvalid, older_path + " is '" + older.manifest().name + "': no delta leads from it to '" +
                                     newer.manifest().name + "'"};
  if (newer.is_sealed() && newer.content_key() == nullptr)
    return Error{Code::kUntrusted, "a delta to a sealed bundle takes a key that it was granted to (--key)"};
  older.set_path(older_path);
  const std::string target = delta_target(bundle_target(newer.manifest()), manifest_digest(older));
  if (manifest_digest(older) == manifest_digest(newer) || repository.targets().contains(target)) return {};
  const std::string path = repository.place_for(".delta.arriving");
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> staged,
                   files().stage_written(path, [&](const os::Append& append) {
                     return write_delta(older, newer, append, o.told, newer.content_key());
                   }));
  RETURN_IF_ERROR(staged->commit());
  Json custom = Json::object({{"kind", "delta"},
                              {"from_sha256", manifest_digest(older).hex()},
                              {"manifest_sha256", manifest_digest(newer).hex()}});
  Status added = repository.add(target, path, std::move(custom));
  RETURN_IF_ERROR(files().remove(path));
  return added;
}

// Who is granted more, later, needs no new bundle: grants may follow grants.
Status add_grants(const std::string& path, Bundle& bundle, Publishing& repository) {
  ASSIGN_OR_RETURN(const Grants grants, read_grants(grants_path_of(path)));
  if (grants.kind != Grants::Kind::kContent || grants.about != manifest_digest(bundle))
    return Error{Code::kInvalid, grants_path_of(path) + " are the grants of another bundle"};
  const std::string target = grants_path_of(bundle_target(bundle.manifest()));
  return repository.add(target, grants_path_of(path), Json::object({{"kind", "grants"}}), true);
}

}  // namespace

Status publish_bundle(const PublishOptions& o, const std::string& path, Publishing& repository) {
  ASSIGN_OR_RETURN(Bundle bundle, open_bundle(files(), path, o.unseal));
  bundle.set_path(path);
  // What is signed is what was looked at, where it can be.
  if (!bundle.is_sealed() || bundle.content_key() != nullptr) RETURN_IF_ERROR(verify(bundle));
  RETURN_IF_ERROR(check_release(repository, bundle.manifest()));
  RETURN_IF_ERROR(repository.add(bundle_target(bundle.manifest()), path, custom_of(bundle)));
  if (bundle.is_sealed()) RETURN_IF_ERROR(add_grants(path, bundle, repository));
  for (const std::string& older : o.older) RETURN_IF_ERROR(add_delta(o, older, bundle, repository));
  return {};
}

Status withdraw_bundle(const std::string& name, Publishing& repository) {
  const std::size_t at = name.find('@');
  std::vector<std::string> targets;
  for (const auto& [target, info] : repository.targets()) {
    const std::optional<Release> release = release_of(info);
    if (at == std::string::npos || !release || release->model + "@" + release->version != name) continue;
    const std::string deltas = target.substr(0, target.rfind('.')) + "-from-";
    for (const auto& [other, more] : repository.targets()) {
      if (other == target || other == grants_path_of(target) || other.starts_with(deltas)) targets.push_back(other);
    }
  }
  if (targets.empty()) return Error{Code::kNotFound, "'" + name + "' is no published bundle; write NAME@VERSION"};
  for (const std::string& target : targets) repository.withdraw(target);
  return {};
}

}  // namespace arete::bundle
