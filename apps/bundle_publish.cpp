// `arete bundle publish`: bundles, their grants and deltas into a repository that devices and mirrors take from.
#include <iostream>
#include <memory>

#include "apps/bundle_verbs.h"
#include "apps/bundles.h"
#include "apps/cli.h"
#include "apps/keys_options.h"
#include "bundle/repository/publish_bundle.h"

namespace arete::apps {
namespace {

struct Options {
  std::vector<std::string> bundles, withdrawn;
  std::string repository, keys = "keys";
  bundle::PublishOptions more;
  std::int64_t days = 90, online_days = 7;
  bool json = false;
};

int run(Options o) {
  const std::int64_t now = now_s();
  ProgressLine line;
  o.more.told = told_on(line, "comparing");
  Result<bundle::Publishing> repository = bundle::Publishing::open(o.repository, bundle::KeyFolder(o.keys), now);
  if (!repository) return fail(repository.error());
  if (repository->has_begun_anew())
    std::cerr << "arete: note: what a revoked key signed is dropped; publish every bundle that is still good again\n";
  Status done;
  for (const std::string& name : o.withdrawn) {
    if (done) done = bundle::withdraw_bundle(name, *repository);
  }
  for (const std::string& path : o.bundles) {
    if (done) done = bundle::publish_bundle(o.more, path, *repository);
  }
  if (done) done = repository->finish({now, now + o.days * kSecondsADay, now + o.online_days * kSecondsADay});
  line.clear();
  if (!done) return fail(done.error());
  if (o.json) {
    print_json(Json::object({{"repository", o.repository}, {"bundles", static_cast<std::uint64_t>(o.bundles.size())}}));
  } else {
    std::cout << o.repository << ": " << o.bundles.size() << (o.bundles.size() == 1 ? " bundle" : " bundles")
              << " published; good for " << o.online_days << " days, `arete bundle publish --repository "
              << o.repository << "` renews it\n";
  }
  return kDone;
}

}  // namespace

Subverb add_bundle_publish(CLI::App& bundle) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = bundle.add_subcommand("publish", "sign bundles, and put them where devices take them from");
  app->footer(
      "\nA release:            arete bundle publish shoes-1.1.0.arete --repository repo --delta-from "
      "shoes-1.0.0.arete\n"
      "Every day, at the hub: arete bundle publish --repository repo (the online key is enough)\n"
      "Devices:              arete bundle fetch shoes --repository https://... --trust trust --root root.json -o ...");
  app->add_option("BUNDLE", o->bundles, "the bundles; without any the repository's dates are renewed");
  app->add_option("--repository", o->repository, "the folder; serve it as files, or carry it on a stick")->required();
  app->add_option("--keys", o->keys, "the folder of keys (`arete keys new trust`)")->capture_default_str();
  app->add_option("--delta-from", o->more.older,
                  "an older bundle: a delta from it is published too (may be given again)")
      ->take_all();
  app->add_option("--withdraw", o->withdrawn, "NAME@VERSION: it is no longer signed for (may be given again)")
      ->take_all();
  app->add_option("--days", o->days, "so long the list of bundles is good for")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  app->add_option("--online-days", o->online_days, "so long it counts as the newest")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  add_key_options(*app, o->more.unseal);
  add_json_option(*app, o->json);
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
