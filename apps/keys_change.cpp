// `arete keys rotate` and `revoke`: new keys for old ones, and roots that say so.
#include <algorithm>
#include <iostream>
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"
#include "bundle/repository/key_groups.h"
#include "bundle/repository/key_roots.h"

namespace arete::apps {
namespace {

namespace tuf = bundle::tuf;

struct Options {
  std::string what, folder = "keys";
  std::vector<std::string> also;
  std::int64_t days = 365;
  bool json = false;
};

// The keys of the root that `what` names: a role with one key, or the first digits of an id.
Result<std::string> key_named(const tuf::RootDraft& root, const std::string& what) {
  std::set<std::string> found;
  for (const auto& [name, role] : root.roles) {
    const bool is_role = name == what || (what == "online" && name == "timestamp");
    for (const auto& [id, key] : role.keys) {
      if (is_role || (what.size() >= bundle::kShortId && id.starts_with(what))) found.insert(id);
    }
  }
  if (found.size() == 1) return *found.begin();
  if (found.empty()) return Error{Code::kNotFound, "no key of the root is '" + what + "'; `arete keys list` has them"};
  return Error{Code::kInvalid, "'" + what + "' names " + std::to_string(found.size()) +
                                   " keys; say which by the first " + std::to_string(bundle::kShortId) +
                                   " digits of its id"};
}

std::string role_of(const tuf::RootDraft& root, const std::string& id) {
  if (root.roles.at("root").keys.contains(id)) return "root";
  return root.roles.at("targets").keys.contains(id) ? "targets" : "online";
}

// A new key in the place of the old one, which signs this root too unless it is revoked.
int replace(const Options& o, const bundle::KeyFolder& folder, bool is_revoked) {
  Result<tuf::RootDraft> draft = bundle::begin_next_root(folder, now_s() + o.days * kSecondsADay);
  if (!draft) return fail(draft.error());
  Json more = Json::object();
  bundle::RootSigners signers{o.also, {}};
  if (is_revoked || o.what != "root") {
    const Result<std::string> old = key_named(*draft, o.what);
    if (!old) return fail(old.error());
    const std::string role = role_of(*draft, *old);
    const Result<bundle::SigningKey> key = bundle::SigningKey::generate();
    if (!key) return fail(key.error());
    const Result<std::string> path = folder.keep(role, *key);
    if (!path) return fail(path.error());
    replace_key(*draft, *old, *key);
    if (is_revoked) signers.never.insert(*old);
    Status noted = is_revoked ? folder.revoke(*old, role, now_s()) : Status();
    if (!noted) return fail(noted.error());
    more.set("old", *old);
    more.set("new", key->id());
    more.set("private", *path);
    if (!o.json) std::cout << role << ": " << *path << " instead of " << old->substr(0, bundle::kShortId) << "\n";
  }
  const Result<bundle::RootStep> step = bundle::sign_root(folder, *draft, signers);
  return step ? tell_root(*step, o.json, std::move(more)) : fail(step.error());
}

Result<std::vector<std::string>> change_member(const bundle::KeyFolder& folder, const bundle::Member& member,
                                               bool is_revoked) {
  if (is_revoked) {
    RETURN_IF_ERROR(folder.revoke(member.key.id().hex(), member.name, now_s()));
    return bundle::renew_groups_with(folder, member.key.id());
  }
  if (member.is_group) {
    ASSIGN_OR_RETURN(const std::vector<bundle::Member> members, bundle::members_of_group(folder, member));
    RETURN_IF_ERROR(bundle::renew_group(folder, member.name, members));
  } else {
    ASSIGN_OR_RETURN(const bundle::ExchangeKey key, bundle::ExchangeKey::generate());
    RETURN_IF_ERROR(folder.keep(member.name, key));
  }
  return bundle::renew_groups_with(folder, member.key.id());
}

int member(const Options& o, const bundle::KeyFolder& folder, const bundle::Member& named, bool is_revoked) {
  const Result<std::vector<std::string>> groups = change_member(folder, named, is_revoked);
  if (!groups) return fail(groups.error());
  const std::set<std::string> names(groups->begin(), groups->end());
  if (o.json) {
    Json list = Json::array();
    for (const std::string& name : names) list.push_back(name);
    print_json(Json::object({{"name", named.name}, {"revoked", is_revoked}, {"renewed_groups", std::move(list)}}));
    return kDone;
  }
  std::cout << named.name << (is_revoked ? " is granted nothing from now on" : " has a new key") << "\n";
  for (const std::string& name : names)
    std::cout << "group " << name << " has a new key; send its members the grants\n";
  std::cout << "What was sealed before can still be read with the old keys: seal the next versions to the new ones.\n";
  return kDone;
}

int change(const Options& o, bool is_revoked) {
  const bundle::KeyFolder folder(o.folder);
  const Result<std::vector<bundle::Member>> members = folder.members();
  if (!members) return fail(members.error());
  const auto found = std::ranges::find(*members, o.what, &bundle::Member::name);
  return found == members->end() ? replace(o, folder, is_revoked) : member(o, folder, *found, is_revoked);
}

KeysVerb add_change(CLI::App& keys, const char* name, const char* help, const char* what, bool is_revoked) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = keys.add_subcommand(name, help);
  app->add_option("WHAT", o->what, what)->required();
  add_root_options(*app, o->days, o->also);
  add_keys_option(*app, o->folder);
  app->add_flag("--json", o->json, "one JSON object on the last line");
  return {app, [o, is_revoked] { return change(*o, is_revoked); }};
}

}  // namespace

KeysVerb add_keys_rotate(CLI::App& keys) {
  return add_change(keys, "rotate", "a new key for an old one that is still good, or a new time for the root",
                    "targets, online, the first 8 digits of a key's id, a device or a group; root: its time alone",
                    false);
}

KeysVerb add_keys_revoke(CLI::App& keys) {
  return add_change(keys, "revoke", "a new key for one that is lost or stolen; a lost device is granted nothing more",
                    "targets, online, the first 8 digits of a key's id, a device or a group", true);
}

}  // namespace arete::apps
