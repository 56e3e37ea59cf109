// `arete keys new`: the keys that updates are signed with, and those that models are sealed to.
#include "apps/keys_new.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "apps/cli.h"
#include "apps/keys_options.h"
#include "apps/keys_verbs.h"
#include "bundle/repository/key_groups.h"

namespace arete::apps {
namespace {

Status check_name(const KeysNew& o, const bundle::KeyFolder& folder) {
  RETURN_IF_ERROR(bundle::check_key_name(o.name));
  if (folder.exists(o.name + ".pub"))
    return Error{Code::kConflict,
                 folder.at(o.name + ".pub") + " is there already; `arete keys rotate " + o.name + "` makes a new pair"};
  ASSIGN_OR_RETURN(const Json revoked, folder.revoked());
  const bool is_revoked = std::ranges::any_of(
      revoked.as_array(), [&](const Json& row) { return row.get_string("name").value_or("") == o.name; });
  if (is_revoked) return Error{Code::kUntrusted, "'" + o.name + "' is revoked; what is trusted again gets a new name"};
  return {};
}

// A device has no grants and no members.
Result<bundle::Renewal> new_pair(const KeysNew& o, const bundle::KeyFolder& folder) {
  const bool is_group = o.kind == "group";
  RETURN_IF_ERROR(check_not_given(*o.app, {"--roots", "--threshold", "--days"}, "a " + o.kind));
  if (!is_group) RETURN_IF_ERROR(check_not_given(*o.app, {"--member"}, "a device, which has no members"));
  RETURN_IF_ERROR(check_name(o, folder));
  if (is_group && o.members.empty()) return Error{Code::kInvalid, "a group has members: --member NAME for each"};
  if (is_group) {
    ASSIGN_OR_RETURN(const std::vector<bundle::Member> members, bundle::members_named(folder, o.members));
    return bundle::renew_group(folder, o.name, members);
  }
  bundle::Renewal made{o.name, {}, {}, {}};
  ASSIGN_OR_RETURN(const bundle::ExchangeKey key, bundle::ExchangeKey::generate());
  ASSIGN_OR_RETURN(made.private_key, folder.keep(o.name, key));
  return made;
}

int pair(const KeysNew& o, const bundle::KeyFolder& folder) {
  const Result<bundle::Renewal> made = new_pair(o, folder);
  if (!made) return fail(made.error());
  const bool is_group = o.kind == "group";
  const std::string public_key = folder.at(o.name + ".pub");
  if (o.json) {
    Json json = is_group ? json_of(*made) : Json::object({{"name", o.name}, {"private", made->private_key}});
    json.set("path", is_group ? made->grants : made->private_key);
    json.set("public", public_key);
    print_json(json);
    return kDone;
  }
  if (is_group) print_renewal(*made);
  if (!is_group) std::cout << made->private_key << " is for " << o.name << " alone\n";
  std::cout << public_key << " is for whoever seals:\n  arete bundle seal BUNDLE -o SEALED --to " << public_key << "\n";
  return kDone;
}

int run(const KeysNew& o) {
  const bool is_trust = o.kind == "trust";
  if (is_trust != o.name.empty())
    return fail({Code::kInvalid, is_trust ? "`trust` takes no name" : "a " + o.kind + " has a name"});
  const bundle::KeyFolder folder(o.folder);
  const Result<os::FolderLock> lock = folder.make_and_lock();
  if (!lock) return fail(lock.error());
  if (const Status warned = warn_of(folder); !warned) return fail(warned.error());
  return is_trust ? new_trust(o, folder) : pair(o, folder);
}

}  // namespace

Subverb add_keys_new(CLI::App& keys) {
  const auto o = std::make_shared<KeysNew>();
  CLI::App* const app = keys.add_subcommand("new", "keys that updates are signed with, or that models are sealed to");
  o->app = app;
  app->add_option("KIND", o->kind, "trust: the root and what it says; device, group: a pair that models are sealed to")
      ->required()
      ->check(CLI::IsMember({"trust", "device", "group"}));
  app->add_option("NAME", o->name, "the device's or group's name");
  app->add_option("--member", o->members, "a member of the group, NAME.pub in the folder (may be given again)")
      ->take_all();
  app->add_option("--roots", o->roots, "so many root keys")->check(CLI::Range(1, 100))->capture_default_str();
  app->add_option("--threshold", o->threshold, "so many of them must sign a new root")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app->add_option("--days", o->days, "so long the root is good for")
      ->check(CLI::Range(1, 36'500))
      ->capture_default_str();
  add_keys_option(*app, o->folder);
  add_json_option(*app, o->json);
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
