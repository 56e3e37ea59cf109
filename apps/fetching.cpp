#include "apps/fetching.h"

#include "apps/bundles.h"
#include "bundle/delta.h"
#include "bundle/semantic_version.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

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

Status check_agent(const Release& release) {
  if (release.minimum_agent.empty()) return {};
  ASSIGN_OR_RETURN(const bundle::SemanticVersion wanted, bundle::SemanticVersion::parse(release.minimum_agent));
  ASSIGN_OR_RETURN(const bundle::SemanticVersion here, bundle::SemanticVersion::parse(ARETE_VERSION));
  if (here >= wanted) return {};
  return Error{Code::kUnsupported, release.model + " " + release.version + " needs arete " + release.minimum_agent +
                                       " or newer, this is " ARETE_VERSION};
}

// A release before the one that is here is none, whoever signed it.
Status check_forward(const FetchOptions& o, const bundle::Manifest& here, const Release& release) {
  if (here.name != release.model || here.release <= release.release) return {};
  return Error{Code::kUntrusted, o.have + " is release " + std::to_string(here.release) + ", " + release.version +
                                     " is release " + std::to_string(release.release) +
                                     ": going back is not taken for an update"};
}

// The newer bundle out of the one that is here and a delta.
Status fetch_delta(const FetchOptions& o, Mirror& mirror, tuf::Client& client, bundle::Bundle& older,
                   const Target& delta, const Release& release) {
  const std::string path = o.output + ".delta";
  RETURN_IF_ERROR(mirror.target(client.place_of(delta.name, delta.info), delta.info, path));
  ASSIGN_OR_RETURN(OpenFile file, open_for_reading(path));
  // The open file stays readable; nothing is left behind, whatever happens below.
  RETURN_IF_ERROR(os::real_file_system().remove(path));
  ASSIGN_OR_RETURN(bundle::Patched newer, bundle::Patched::open(older, std::move(file.read), file.size_bytes));
  if (manifest_digest(newer) != release.manifest)
    return Error{Code::kUntrusted, "the delta makes another bundle than the one that was signed"};
  if (older.is_sealed() || newer.is_sealed()) {
    ASSIGN_OR_RETURN(const bundle::ContentKey key, content_key(o.keys, o.output, release.manifest));
    newer.unseal_with(key);
  }
  const Result<std::uint64_t> written =
      write_file(o.output, "joining", [&](const bundle::Sink& sink, const bundle::Progress& told) {
        return bundle::write_bundle(newer, sink, told, newer.content_key());
      });
  return written ? Status() : Status(written.error());
}

// Before the bundle: without them a sealed one cannot be put together from a delta.
Status fetch_grants(const FetchOptions& o, Mirror& mirror, tuf::Client& client, const Target& target) {
  const std::string name = grants_path_of(target.name);
  ASSIGN_OR_RETURN(const std::optional<tuf::FileInfo> info, client.find_target(name));
  if (!info) return {};
  return mirror.target(client.place_of(name, *info), *info, grants_path_of(o.output));
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
  RETURN_IF_ERROR(check_agent(fetched.release));
  std::optional<bundle::Bundle> older;
  if (!o.have.empty()) {
    ASSIGN_OR_RETURN(older, open_bundle(o.have, o.keys));
    if (manifest_digest(*older) == fetched.release.manifest) return fetched;
    RETURN_IF_ERROR(check_forward(o, older->manifest(), fetched.release));
  }
  fetched.is_new = true;
  RETURN_IF_ERROR(fetch_grants(o, mirror, client, target));
  Target delta;
  if (older) {
    delta.name = delta_target(target.name, manifest_digest(*older));
    ASSIGN_OR_RETURN(const std::optional<tuf::FileInfo> info, client.find_target(delta.name));
    if (info) delta.info = *info;
    fetched.by_delta = info.has_value();
  }
  if (fetched.by_delta) {
    const Status done = fetch_delta(o, mirror, client, *older, delta, fetched.release);
    fetched.bytes = delta.info.length.value_or(0);
    if (done) return fetched;
    if (!after_failed_delta(done.error())) return done.error();
    fetched.by_delta = false;
  }
  RETURN_IF_ERROR(mirror.target(client.place_of(target.name, target.info), target.info, o.output));
  fetched.bytes = target.info.length.value_or(0);
  return fetched;
}

}  // namespace arete::apps
