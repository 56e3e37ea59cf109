#include "bundle/repository/fetching.h"

#include <memory>
#include <optional>

#include "bundle/delta.h"
#include "bundle/files/bundle_files.h"
#include "bundle/files/open_bundle.h"
#include "bundle/semantic_version.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

const os::FileSystem& files() { return os::real_file_system(); }

struct Target {
  std::string name;
  tuf::FileInfo info;
};

Result<Target> find(tuf::Client& client, const FetchOptions& o) {
  std::optional<Target> best;
  std::uint64_t release = 0;
  for (const auto& [name, info] : client.trust().targets("targets")->targets) {
    const std::optional<Release> there = release_of(info);
    if (!there || there->model != o.model || (!o.version.empty() && there->version != o.version)) continue;
    if (best && there->release <= release) continue;
    best = Target{name, info};
    release = there->release;
  }
  if (best) return *best;
  return Error{Code::kNotFound, "nobody signs for a bundle of '" + o.model + "'" +
                                    (o.version.empty() ? "" : " with version " + o.version) + " in " + o.repository};
}

Status check_agent(const FetchOptions& o, const Release& release) {
  if (release.minimum_agent.empty()) return {};
  ASSIGN_OR_RETURN(const SemanticVersion wanted, SemanticVersion::parse(release.minimum_agent));
  ASSIGN_OR_RETURN(const SemanticVersion here, SemanticVersion::parse(o.agent_version));
  if (here >= wanted) return {};
  return Error{Code::kUnsupported, release.model + " " + release.version + " needs arete " + release.minimum_agent +
                                       " or newer, this is " + o.agent_version};
}

// A release before the one that is here is none, whoever signed it.
Status check_forward(const FetchOptions& o, const Manifest& here, const Release& release) {
  if (here.name != release.model || here.release <= release.release) return {};
  return Error{Code::kUntrusted, o.have + " is release " + std::to_string(here.release) + ", " + release.version +
                                     " is release " + std::to_string(release.release) +
                                     ": going back is not taken for an update"};
}

// The newer bundle out of the one that is here and a delta. `grants` are the newer one's; "": there are none.
Status fetch_delta(const FetchOptions& o, Mirror& mirror, tuf::Client& client, Bundle& older, const Target& delta,
                   const Release& release, const std::string& grants) {
  const std::string path = o.output + ".delta";
  RETURN_IF_ERROR(mirror.target(client.place_of(delta.name, delta.info), delta.info, path));
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, files().open(path));
  // The open file stays readable; nothing is left behind, whatever happens below.
  RETURN_IF_ERROR(files().remove(path));
  const auto read = [file](std::uint64_t offset, std::span<std::byte> to) { return file->read_at(offset, to); };
  ASSIGN_OR_RETURN(Patched newer, Patched::open(older, read, file->size_bytes()));
  if (manifest_digest(newer) != release.manifest)
    return Error{Code::kUntrusted, "the delta makes another bundle than the one that was signed"};
  if (older.is_sealed() || newer.is_sealed()) {
    KeyFiles keys = o.keys;
    if (!grants.empty()) keys.grants.push_back(grants);
    ASSIGN_OR_RETURN(const ContentKey key, content_key(keys, o.output, release.manifest));
    newer.unseal_with(key);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> staged,
                   files().stage_written(o.output, [&](const os::Append& append) {
                     return write_bundle(newer, append, o.told, newer.content_key());
                   }));
  return staged->commit();
}

// The bundle by a delta where there is one, else whole.
Status fetch_content(const FetchOptions& o, Mirror& mirror, tuf::Client& client, Bundle* older, const Target& target,
                     const std::string& grants, const AfterFailedDelta& after_failed_delta, Fetched& fetched) {
  if (older != nullptr) {
    const std::string name = delta_target(target.name, manifest_digest(*older));
    ASSIGN_OR_RETURN(const std::optional<tuf::FileInfo> info, client.find_target(name));
    const Status done =
        info ? fetch_delta(o, mirror, client, *older, {name, *info}, fetched.release, grants) : Status();
    fetched.by_delta = info && done;
    if (fetched.by_delta) fetched.bytes = info->length.value_or(0);
    if (!done && !after_failed_delta(done.error())) return done;
  }
  if (fetched.by_delta) return {};
  fetched.bytes = target.info.length.value_or(0);
  return mirror.target(client.place_of(target.name, target.info), target.info, o.output);
}

// A bundle's grants, on their way; they take their place after the bundle, which cannot be read without its own.
class ArrivingGrants {
 public:
  static Result<ArrivingGrants> fetch(const std::string& bundle_path, Mirror& mirror, tuf::Client& client,
                                      const Target& target) {
    ArrivingGrants arriving;
    const std::string name = grants_path_of(target.name);
    ASSIGN_OR_RETURN(const std::optional<tuf::FileInfo> info, client.find_target(name));
    if (!info) return arriving;
    arriving.final_path_ = grants_path_of(bundle_path);
    arriving.path_ = arriving.final_path_ + ".arriving";
    RETURN_IF_ERROR(mirror.target(client.place_of(name, *info), *info, arriving.path_));
    ASSIGN_OR_RETURN(arriving.text_, os::read_file(files(), arriving.path_, kMaxGrantsBytes));
    return arriving;
  }
  const std::string& path() const { return path_; }  // "": there are none
  Status arrive() const { return path_.empty() ? Status() : os::write_text(files(), final_path_, text_); }
  Status clear() const { return path_.empty() ? Status() : files().remove(path_); }

 private:
  std::string path_, final_path_, text_;
};

bool has_its_grants(const std::string& bundle_path, const Digest& manifest) {
  const Result<Grants> grants = read_grants(grants_path_of(bundle_path));
  return grants && grants->about == manifest;
}

// The newest is here already; where the power failed between it and its grants, they follow now.
Status complete(const FetchOptions& o, Mirror& mirror, tuf::Client& client, const Bundle& here, const Target& target) {
  if (!here.is_sealed() || has_its_grants(o.have, manifest_digest(here))) return {};
  ASSIGN_OR_RETURN(const ArrivingGrants grants, ArrivingGrants::fetch(o.have, mirror, client, target));
  RETURN_IF_ERROR(grants.arrive());
  return grants.clear();
}

}  // namespace

Result<Fetched> fetch_bundle(const FetchOptions& o, TrustFolder& trust, const tuf::Expiry& expiry,
                             const AfterFailedDelta& after_failed_delta) {
  Mirror mirror(o.repository);
  ASSIGN_OR_RETURN(
      tuf::Client client,
      tuf::Client::open(
          trust, [&](const auto& name, std::uint64_t most) { return mirror.metadata(name, most); }, expiry));
  RETURN_IF_ERROR(client.refresh());
  ASSIGN_OR_RETURN(const Target target, find(client, o));
  Fetched fetched{*release_of(target.info)};
  fetched.used_grace = client.trust().used_grace();
  RETURN_IF_ERROR(check_agent(o, fetched.release));
  std::optional<Bundle> older;
  if (!o.have.empty()) {
    ASSIGN_OR_RETURN(older, open_bundle(files(), o.have));
    if (manifest_digest(*older) == fetched.release.manifest) {
      RETURN_IF_ERROR(complete(o, mirror, client, *older, target));
      return fetched;
    }
    RETURN_IF_ERROR(check_forward(o, older->manifest(), fetched.release));
    if (older->is_sealed() && !o.keys.keys.empty()) {
      ASSIGN_OR_RETURN(const ContentKey key, content_key(o.keys, o.have, manifest_digest(*older)));
      older->unseal_with(key);
    }
  }
  fetched.is_new = true;
  ASSIGN_OR_RETURN(const ArrivingGrants grants, ArrivingGrants::fetch(o.output, mirror, client, target));
  Status done =
      fetch_content(o, mirror, client, older ? &*older : nullptr, target, grants.path(), after_failed_delta, fetched);
  if (done) done = grants.arrive();
  RETURN_IF_ERROR(grants.clear());
  if (!done) return done.error();
  return fetched;
}

}  // namespace arete::bundle
