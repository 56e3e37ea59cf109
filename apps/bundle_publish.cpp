// `arete bundle publish`: bundles, their grants and deltas into a repository that devices and mirrors take from.
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "apps/keys_options.h"
#include "bundle/delta.h"
#include "bundle/repository/publishing.h"
#include "bundle/repository/target_names.h"
#include "os/base/files.h"

namespace arete::apps {
namespace {

struct Options {
  std::vector<std::string> bundles;
  std::string repository, keys = "keys";
  std::vector<std::string> older;
  bundle::KeyFiles unseal;
  std::int64_t days = 90, online_days = 7;
  bool json = false;
};

Status check_release(const bundle::Publishing& repository, const bundle::Manifest& manifest) {
  for (const auto& [target, info] : repository.targets()) {
    const std::optional<bundle::Release> there = bundle::release_of(info);
    if (!there || there->model != manifest.name || target == bundle::bundle_target(manifest)) continue;
    if (there->release < manifest.release) continue;
    return Error{Code::kInvalid, manifest.name + " " + manifest.version + " is release " +
                                     std::to_string(manifest.release) + ", but " + there->version + " is release " +
                                     std::to_string(there->release) +
                                     " already: devices would never take it. Create it with a higher --release"};
  }
  return {};
}

Json custom_of(bundle::Bundle& bundle) {
  const bundle::Manifest& manifest = bundle.manifest();
  return Json::object({{"kind", "bundle"},
                       {"model", manifest.name},
                       {"model_version", manifest.version},
                       {"release_counter", manifest.release},
                       {"manifest_sha256", manifest_digest(bundle).hex()},
                       {"min_agent", manifest.minimum_agent},
                       {"bytes_unpacked", file_bytes(manifest)}});
}

Status add_delta(const Options& o, const std::string& older_path, bundle::Bundle& newer,
                 bundle::Publishing& repository) {
  ASSIGN_OR_RETURN(bundle::Bundle older, bundle::open_bundle(os::real_file_system(), older_path, o.unseal));
  if (older.manifest().name != newer.manifest().name) return {};
  const std::string path = os::join_path(o.repository, ".delta");
  RETURN_IF_ERROR(write_file(path, "comparing", [&](const bundle::Sink& sink, const bundle::Progress& told) {
    return bundle::write_delta(older, newer, sink, told, newer.content_key());
  }));
  Json custom = Json::object({{"kind", "delta"},
                              {"from_sha256", manifest_digest(older).hex()},
                              {"manifest_sha256", manifest_digest(newer).hex()}});
  const Status added = repository.add(
      bundle::delta_target(bundle::bundle_target(newer.manifest()), manifest_digest(older)), path, std::move(custom));
  RETURN_IF_ERROR(os::real_file_system().remove(path));
  return added;
}

Status add_bundle(const Options& o, const std::string& path, bundle::Publishing& repository) {
  ASSIGN_OR_RETURN(bundle::Bundle bundle, bundle::open_bundle(os::real_file_system(), path, o.unseal));
  const std::string target = bundle::bundle_target(bundle.manifest());
  RETURN_IF_ERROR(check_release(repository, bundle.manifest()));
  RETURN_IF_ERROR(repository.add(target, path, custom_of(bundle)));
  const std::string grants = bundle::grants_path_of(path);
  if (bundle.is_sealed())
    RETURN_IF_ERROR(repository.add(bundle::grants_path_of(target), grants, Json::object({{"kind", "grants"}})));
  for (const std::string& older : o.older) RETURN_IF_ERROR(add_delta(o, older, bundle, repository));
  return {};
}

int run(const Options& o) {
  Result<bundle::Publishing> repository = bundle::Publishing::open(o.repository, bundle::KeyFolder(o.keys));
  if (!repository) return fail(repository.error());
  if (repository->has_begun_anew())
    std::cerr << "arete: note: what a revoked key signed is dropped; publish every bundle that is still good again\n";
  Status done;
  for (const std::string& path : o.bundles) {
    if (done) done = add_bundle(o, path, *repository);
  }
  const std::int64_t now = now_s();
  if (done) done = repository->finish(now, now + o.days * kSecondsADay, now + o.online_days * kSecondsADay);
  if (!done) return fail(done.error());
  if (o.json) {
    print_json(Json::object({{"repository", o.repository}, {"bundles", static_cast<std::uint64_t>(o.bundles.size())}}));
  } else {
    std::cout << o.repository << ": " << o.bundles.size() << (o.bundles.size() == 1 ? " bundle" : " bundles")
              << " published; good for " << o.online_days << " days, `arete bundle publish` renews it\n";
  }
  return kDone;
}

}  // namespace

BundleVerb add_bundle_publish(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("publish", "sign bundles, and put them where devices take them from");
  app->add_option("BUNDLE", o->bundles, "the bundles; without any the repository's dates are renewed");
  app->add_option("--repository", o->repository, "the folder; serve it as files, or carry it on a stick")->required();
  app->add_option("--keys", o->keys, "the folder of keys (`arete keys new trust`)")->capture_default_str();
  app->add_option("--delta-from", o->older, "an older bundle: a delta from it is published too (may be given again)")
      ->take_all();
  app->add_option("--days", o->days, "so long the list of bundles is good for")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  app->add_option("--online-days", o->online_days, "so long it counts as the newest")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  add_key_options(*app, o->unseal);
  app->add_flag("--json", o->json, "one JSON object on the last line");
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
