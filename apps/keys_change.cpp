// `arete keys rotate` and `revoke`: new keys for old ones, and roots that say so.
#include "apps/keys_change.h"

#include <algorithm>
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"

namespace arete::apps {
namespace {

int run(const KeysChange& o) {
  const bundle::KeyFolder folder(o.folder);
  const Result<os::FolderLock> lock = folder.lock();
  if (!lock) return fail(lock.error());
  if (const Status warned = warn_of(folder); !warned) return fail(warned.error());
  const Result<std::vector<bundle::Member>> members = folder.members();
  if (!members) return fail(members.error());
  const auto found = std::ranges::find(*members, o.what, &bundle::Member::name);
  if (found != members->end()) return change_member(o, folder, *found);
  if (o.is_revoked) {
    const Result<std::set<std::string>> older = folder.ids_of(o.what);
    if (!older) return fail(older.error());
    if (!older->empty()) return change_member(o, folder, std::nullopt);
  }
  return change_root(o, folder);
}

Subverb add_change(CLI::App& keys, const char* name, const char* help, const char* what, bool is_revoked) {
  const auto o = std::make_shared<KeysChange>();
  CLI::App* const app = keys.add_subcommand(name, help);
  o->app = app;
  o->is_revoked = is_revoked;
  app->add_option("WHAT", o->what, what)->required();
  if (!is_revoked) {
    app->add_option("--member", o->joined, "of a group: who becomes a member of it (may be given again)")->take_all();
  }
  add_root_options(*app, o->days, o->also);
  add_keys_option(*app, o->folder);
  add_json_option(*app, o->json);
  return {app, [o] { return run(*o); }};
}

}  // namespace

Subverb add_keys_rotate(CLI::App& keys) {
  return add_change(keys, "rotate", "a new key for an old one that is still good, or a new time for the root",
                    "targets, online, the first 8 digits of a key's id, a device or a group; root: its time alone",
                    false);
}

Subverb add_keys_revoke(CLI::App& keys) {
  return add_change(keys, "revoke", "a new key for one that is lost or stolen; a lost device is granted nothing more",
                    "targets, online, the first 8 digits of a key's id, a device or a group", true);
}

}  // namespace arete::apps
