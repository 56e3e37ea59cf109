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
  if (here.release <= release.release) return {};
  return Error{Code::kUntrusted, o.have + " is release " + std::to_string(here.release) + ", " + release.version +
                                     " is release " + std::to_string(release.release) +
                                     ": going back is not taken for an update"};
}

void note(const FetchOptions& o, const std::string& what) {
  if (o.noted) o.noted(what);
}

// What is there must be what the targets say of it, which a device goes by.
Status check_signed(const Contents& contents, const Release& release) {
  const Manifest& manifest = contents.manifest();
  if (manifest_digest(contents) == release.manifest && manifest.name == release.model &&
      manifest.release == release.release && manifest.version == release.version)
    return {};
  return Error{Code::kUntrusted, "it is " + manifest.name + " " + manifest.version + ", release " +
                                     std::to_string(manifest.release) + " with the manifest " +
                                     manifest_digest(contents).hex() + "; what was signed is " + release.model + " " +
                                     release.version + ", release " + std::to_string(release.release) +
                                     " with the manifest " + release.manifest.hex()};
}

// The newer bundle out of the one that is here and a delta. `grants` are the newer one's; "": there are none.
Status fetch_delta(const FetchOptions& o, Mirror& mirror, tuf::Client& client, Bundle& older, const Target& delta,
                   const Release& release, const std::string& grants) {
  if (older.is_sealed() && !o.keys.keys.empty()) RETURN_IF_ERROR(unseal(older, o.have, o.keys));
  // Never committed: the delta itself is not to stay.
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> arrived,
                   mirror.stage_target(client.place_of(delta.name, delta.info), delta.info, o.output));
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, arrived->open());
  ASSIGN_OR_RETURN(Patched newer, Patched::open(older, reader_of(file), file->size_bytes()));
  if (const Status good = check_signed(newer, release); !good) return with_context(good.error(), delta.name);
  if (older.is_sealed() || newer.is_sealed()) {
    KeyFiles keys = o.keys;
    if (!grants.empty()) keys.grants.insert(keys.grants.begin(), grants);
    ASSIGN_OR_RETURN(const ContentKey key, content_key(keys, o.output, release.manifest));
    newer.unseal_with(key);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> staged,
                   files().stage_written(o.output, [&](const os::Append& append) {
                     return write_bundle(newer, append, o.told, newer.content_key());
                   }));
  return staged->commit();
}

Status fetch_whole(const FetchOptions& o, Mirror& mirror, tuf::Client& client, const Target& target,
                   const Release& release) {
  ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> arrived,
                   mirror.stage_target(client.place_of(target.name, target.info), target.info, o.output));
  ASSIGN_OR_RETURN(const std::shared_ptr<const os::ReadableFile> file, arrived->open());
  const Result<Bundle> opened = Bundle::open(reader_of(file), file->size_bytes());
  const Status good = opened ? check_signed(*opened, release) : Status(opened.error());
  return good ? arrived->commit() : Status(with_context(good.error(), target.name));
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
  return fetch_whole(o, mirror, client, target, fetched.release);
}

// A bundle's grants, on their way. They lie where the bundle is opened with them before it takes its place, and are
// cleared away when they have taken theirs: whenever the power fails, what is there opens.
class ArrivingGrants {
 public:
  static Result<ArrivingGrants> fetch(const std::string& bundle_path, Mirror& mirror, tuf::Client& client,
                                      const Target& target, const Release& release) {
    ArrivingGrants arriving;
    const std::string name = grants_path_of(target.name);
    ASSIGN_OR_RETURN(const std::optional<tuf::FileInfo> info, client.find_target(name));
    if (!info) return arriving;
    if (info->length.value_or(0) > kMaxGrantsBytes)
      return Error{Code::kExhausted, name + " has more than " + std::to_string(kMaxGrantsBytes) + " bytes"};
    const std::string path = arriving_grants_path_of(bundle_path);
    ASSIGN_OR_RETURN(const std::unique_ptr<os::StagedFile> arrived,
                     mirror.stage_target(client.place_of(name, *info), *info, path));
    ASSIGN_OR_RETURN(const std::unique_ptr<os::ReadableFile> file, arrived->open());
    arriving.text_.resize(file->size_bytes());
    RETURN_IF_ERROR(file->read_at(0, std::as_writable_bytes(std::span(arriving.text_))));
    const Result<Grants> grants = parse_grants(arriving.text_);
    if (!grants) return with_context(grants.error(), name);
    if (grants->kind != Grants::Kind::kContent || grants->about != release.manifest)
      return Error{Code::kUntrusted, name + " holds the grants of something else"};
    RETURN_IF_ERROR(arrived->commit());
    arriving.path_ = path;
    arriving.final_path_ = grants_path_of(bundle_path);
    return arriving;
  }
  const std::string& path() const { return path_; }  // "": there are none
  Status arrive() const {
    if (path_.empty()) return {};
    RETURN_IF_ERROR(os::write_text(files(), final_path_, text_));
    return clear();
  }
  Status clear() const { return path_.empty() ? Status() : files().remove(path_); }

 private:
  std::string path_, final_path_, text_;
};

bool has_its_grants(const std::string& bundle_path, const Digest& manifest) {
  const Result<Grants> grants = read_grants(grants_path_of(bundle_path));
  return grants && grants->about == manifest;
}

// What a run that was cut off left: its grants take their place where their bundle has taken its own.
Status settle(const std::string& bundle_path) {
  const std::string path = arriving_grants_path_of(bundle_path);
  const Result<Grants> arriving = read_grants(path);
  if (!arriving && arriving.error().code == Code::kNotFound) return {};
  const Result<Bundle> there = open_bundle(files(), bundle_path);
  const bool are_its_own = arriving && there && arriving->about == manifest_digest(*there);
  if (are_its_own) {
    const Result<Grants> own = read_grants(grants_path_of(bundle_path));
    const std::string text = write_grants(*arriving);
    // Of two copies with one manifest both may be needed.
    if (own && own->about == arriving->about && write_grants(*own) != text) return {};
    RETURN_IF_ERROR(os::write_text(files(), grants_path_of(bundle_path), text));
  }
  return files().remove(path);
}

// The newest is here already; where the power failed between it and its grants, they follow now.
Status complete(const FetchOptions& o, Mirror& mirror, tuf::Client& client, const Bundle& here, const Target& target,
                const Release& release) {
  if (!here.is_sealed()) return {};
  RETURN_IF_ERROR(settle(o.have));
  if (has_its_grants(o.have, release.manifest)) return {};
  ASSIGN_OR_RETURN(const ArrivingGrants grants, ArrivingGrants::fetch(o.have, mirror, client, target, release));
  return grants.arrive();
}

// The bundle that --have names. The first run of a device has none yet; one that is broken is none any more.
Result<std::optional<Bundle>> bundle_here(const FetchOptions& o, const Release& release) {
  if (o.have.empty()) return std::optional<Bundle>();
  const Result<os::FileInfo> info = files().info(o.have);
  if (!info && info.error().code == Code::kNotFound) return std::optional<Bundle>();
  if (!info) return info.error();
  if (info->kind != os::FileKind::kFile) return Error{Code::kInvalid, "'" + o.have + "' is no file"};
  Result<Bundle> opened = open_bundle(files(), o.have);
  if (!opened && opened.error().code == Code::kIo) return std::move(opened).error();
  if (!opened) {
    note(o, o.have + " cannot be used, the whole one follows: " + opened.error().message);
    return std::optional<Bundle>();
  }
  if (opened->manifest().name == release.model) return std::optional<Bundle>(std::move(*opened));
  return Error{Code::kInvalid, o.have + " is a bundle of '" + opened->manifest().name + "', not of '" + release.model +
                                   "': give another --have"};
}

// Sealed blobs are checked where there is a key that opens them.
bool is_whole(const FetchOptions& o, Bundle& here) {
  if (here.is_sealed()) {
    if (o.keys.keys.empty()) return true;
    const Status opened = unseal(here, o.have, o.keys);
    if (!opened) note(o, o.have + " cannot be checked: " + opened.error().message);
    if (!opened) return true;
  }
  const Status good = verify(here);
  if (!good) note(o, o.have + " is damaged, the whole one follows: " + good.error().message);
  return good.has_value();
}

Result<tuf::Client> open_client(const FetchOptions& o, Mirror& mirror, TrustFolder& trust, const tuf::Expiry& expiry) {
  const auto fetch = [&mirror](const std::string& name, std::uint64_t most) { return mirror.metadata(name, most); };
  Result<tuf::Client> client = tuf::Client::open(trust, fetch, expiry);
  if (!client) return with_context(std::move(client).error(), trust.at("root.json"));
  Status refreshed = client->refresh();
  if (refreshed) return client;
  Error error = std::move(refreshed).error();
  if (!o.is_first || error.code != Code::kUntrusted) return error;
  // Nothing is believed because of a root that may be another repository's: another one may be given.
  RETURN_IF_ERROR(trust.forget("root.json"));
  error.message += "; the root that was given may not be this repository's, and is not kept";
  return error;
}

Status check_output(const FetchOptions& o) {
  const Result<os::FileInfo> there = files().info(o.output);
  if (there && there->kind == os::FileKind::kFolder)
    return Error{Code::kInvalid, "'" + o.output + "' is a folder; give the bundle's file"};
  return Mirror::check_place(o.repository);
}

}  // namespace

Result<Fetched> fetch_bundle(const FetchOptions& o, TrustFolder& trust, const tuf::Expiry& expiry,
                             const AfterFailedDelta& after_failed_delta) {
  RETURN_IF_ERROR(check_output(o));
  Mirror mirror(o.repository);
  ASSIGN_OR_RETURN(tuf::Client client, open_client(o, mirror, trust, expiry));
  ASSIGN_OR_RETURN(const Target target, find(client, o));
  Fetched fetched{*release_of(target.info)};
  fetched.used_grace = client.trust().used_grace();
  RETURN_IF_ERROR(check_agent(o, fetched.release));
  ASSIGN_OR_RETURN(std::optional<Bundle> older, bundle_here(o, fetched.release));
  if (older && manifest_digest(*older) == fetched.release.manifest) {
    RETURN_IF_ERROR(complete(o, mirror, client, *older, target, fetched.release));
    if (is_whole(o, *older)) return fetched;
    older.reset();
  }
  if (older) RETURN_IF_ERROR(check_forward(o, older->manifest(), fetched.release));
  fetched.is_new = true;
  RETURN_IF_ERROR(settle(o.output));
  ASSIGN_OR_RETURN(const ArrivingGrants grants,
                   ArrivingGrants::fetch(o.output, mirror, client, target, fetched.release));
  const Status done =
      fetch_content(o, mirror, client, older ? &*older : nullptr, target, grants.path(), after_failed_delta, fetched);
  if (!done) RETURN_IF_ERROR(grants.clear());
  RETURN_IF_ERROR(done);
  RETURN_IF_ERROR(grants.arrive());
  return fetched;
}

}  // namespace arete::bundle
