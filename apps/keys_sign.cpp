// `arete keys sign`: a root goes from one key to the next until enough have signed.
#include <algorithm>
#include <iostream>
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

struct Options {
  std::string root, folder = "keys";
  std::vector<std::string> also;
  bool accept = false;
  bool json = false;
};

// The document comes from elsewhere: nothing in it may move the cursor.
std::string shown(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

Json json_of_changes(const bundle::RootChanges& changes) {
  Json roles = Json::object();
  for (const bundle::RoleChange& change : changes.roles)
    roles.set(change.role, Json::object({{"in", json_of(change.in)},
                                         {"out", json_of(change.out)},
                                         {"threshold_before", change.threshold_before},
                                         {"threshold", change.threshold}}));
  return Json::object({{"version", changes.version},
                       {"expires_before", tuf::format_time(changes.expires_before_s)},
                       {"expires", tuf::format_time(changes.expires_s)},
                       {"roles", std::move(roles)},
                       {"others", json_of(changes.others)},
                       {"reasons", json_of(changes.reasons)}});
}

void print_changes(const bundle::RootChanges& changes) {
  std::cout << "root " << changes.version << " after root " << changes.version - 1 << ":\n";
  for (const bundle::RoleChange& change : changes.roles) {
    const std::string role = shown(change.role);
    for (const std::string& id : change.in) std::cout << "  " << role << " gets the key " << shown(id) << "\n";
    for (const std::string& id : change.out) std::cout << "  " << role << " loses the key " << shown(id) << "\n";
    if (change.threshold != change.threshold_before)
      std::cout << "  " << role << " takes " << change.threshold << " signatures instead of " << change.threshold_before
                << "\n";
  }
  for (const std::string& name : changes.others) std::cout << "  \"" << shown(name) << "\" changes\n";
  std::cout << "  good until " << tuf::format_time(changes.expires_s) << " instead of "
            << tuf::format_time(changes.expires_before_s) << std::endl;
}

Error not_accepted(const Options& o, const std::vector<std::string>& reasons) {
  std::string text = o.root + " was not signed:";
  for (const std::string& reason : reasons) text += (reason == reasons.front() ? " " : "; ") + shown(reason);
  return {Code::kUntrusted, text + ". Ask whoever made it; where that is meant, sign with --accept"};
}

int sign(const Options& o) {
  const bundle::KeyFolder folder(o.folder);
  const Result<os::FolderLock> lock = folder.lock();
  if (!lock && lock.error().code == Code::kNotFound)
    return fail({Code::kNotFound, "there is no folder of keys '" + o.folder +
                                      "'; --keys FOLDER says where the root.json lies that is believed so far"});
  if (!lock) return fail(lock.error());
  if (const Status warned = warn_of(folder); !warned) return fail(warned.error());
  Result<std::vector<bundle::NamedKey>> keys = folder.signing_keys(o.also);
  if (!keys) return fail(keys.error());
  const Result<bundle::UnfinishedRoot> root = bundle::read_unfinished_root(folder, o.root);
  if (!root) return fail(root.error());
  Json changes = Json::object({{"changes", json_of_changes(root->changes)}});
  if (!o.json) print_changes(root->changes);
  if (!root->changes.reasons.empty() && !o.accept) {
    if (o.json) print_json(changes);
    return fail(not_accepted(o, root->changes.reasons));
  }
  const Result<bundle::RootStep> step = bundle::sign_root_further(folder, *root, {std::move(*keys), {}});
  return step ? tell_root(*step, o.json, std::move(changes)) : fail(step.error());
}

}  // namespace

Subverb add_keys_sign(CLI::App& keys) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = keys.add_subcommand("sign", "shows what a root that is not complete changes, and signs it");
  app->add_option("ROOT", o->root, "N.root.json.unfinished")->required();
  app->add_option("--with", o->also, "a private root key that lies elsewhere (may be given again)")->take_all();
  app->add_flag("--accept", o->accept,
                "sign also a root that takes fewer signatures, has more keys or other root keys");
  add_keys_option(*app, o->folder);
  add_json_option(*app, o->json);
  return {app, [o] { return sign(*o); }};
}

}  // namespace arete::apps
