// `arete keys new`: the keys that updates are signed with, and those that models are sealed to.
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
  std::string kind, name, folder = "keys";
  std::vector<std::string> members, also;
  std::int64_t roots = 3, threshold = 2, days = 365;
  bool json = false;
};

Result<bundle::SigningKey> add_role_key(const bundle::KeyFolder& folder, const std::string& name,
                                        tuf::RoleDraft& role) {
  ASSIGN_OR_RETURN(bundle::SigningKey key, bundle::SigningKey::generate());
  RETURN_IF_ERROR(folder.keep(name, key));
  role.keys.emplace(key.id(), key.public_json());
  return key;
}

Result<bundle::RootStep> new_trust(const Options& o) {
  const bundle::KeyFolder folder(o.folder);
  if (o.threshold > o.roots)
    return Error{Code::kInvalid, "--threshold " + std::to_string(o.threshold) + " of --roots " +
                                     std::to_string(o.roots) + " keys cannot be met"};
  if (folder.root())
    return Error{Code::kConflict, folder.at("root.json") +
                                      " is there already; rotate its keys instead, or choose "
                                      "another folder with --keys"};
  tuf::RootDraft draft{1, now_s() + o.days * kSecondsADay, {}};
  for (std::int64_t i = 0; i < o.roots; ++i) RETURN_IF_ERROR(add_role_key(folder, "root", draft.roles["root"]));
  draft.roles["root"].threshold = o.threshold;
  RETURN_IF_ERROR(add_role_key(folder, "targets", draft.roles["targets"]));
  // The hub has it, and signs alone what is newest (docs/keys.md).
  RETURN_IF_ERROR(add_role_key(folder, "online", draft.roles["snapshot"]));
  draft.roles["timestamp"] = draft.roles["snapshot"];
  return bundle::sign_root(folder, draft, {});
}

int trust(const Options& o) {
  const Result<bundle::RootStep> step = new_trust(o);
  if (!step) return fail(step.error());
  const int status = tell_root(*step, o.json);
  if (!o.json) {
    std::cout << "\nDevices are given " << bundle::KeyFolder(o.folder).at("root.json") << ".\nNow take root-*.key to "
              << o.roots << " places, offline: whoever has " << o.threshold
              << " of them rules the fleet.\ntargets-*.key signs releases, online-*.key is for the hub.\n";
  }
  return status;
}

Result<std::string> new_device(const Options& o) {
  ASSIGN_OR_RETURN(const bundle::ExchangeKey key, bundle::ExchangeKey::generate());
  return bundle::KeyFolder(o.folder).keep(o.name, key);
}

Result<std::string> new_group(const Options& o) {
  const bundle::KeyFolder folder(o.folder);
  if (o.members.empty()) return Error{Code::kInvalid, "a group has members: --member NAME for each"};
  ASSIGN_OR_RETURN(const std::vector<bundle::Member> all, folder.members());
  std::vector<bundle::Member> members;
  for (const std::string& name : o.members) {
    const auto found = std::ranges::find(all, name, &bundle::Member::name);
    if (found == all.end())
      return Error{Code::kNotFound, "there is no " + folder.at(name + ".pub") + " for the member '" + name + "'"};
    if (found->is_revoked) return Error{Code::kUntrusted, "the key of '" + name + "' is revoked"};
    members.push_back(*found);
  }
  return bundle::renew_group(folder, o.name, members);
}

int pair(const Options& o) {
  const bundle::KeyFolder folder(o.folder);
  Status good = bundle::check_key_name(o.name);
  if (good && folder.exists(o.name + ".pub"))
    good = Error{Code::kConflict,
                 folder.at(o.name + ".pub") + " is there already; `arete keys rotate " + o.name + "` makes a new pair"};
  if (!good) return fail(good.error());
  const Result<std::string> made = o.kind == "group" ? new_group(o) : new_device(o);
  if (!made) return fail(made.error());
  if (o.json) {
    print_json(Json::object({{"path", *made}, {"public", folder.at(o.name + ".pub")}, {"name", o.name}}));
  } else {
    std::cout << *made << "\n"
              << folder.at(o.name + ".pub") << "\n\n  arete bundle seal BUNDLE -o SEALED --to "
              << folder.at(o.name + ".pub") << "\n";
  }
  return kDone;
}

int run(const Options& o) {
  const bool is_trust = o.kind == "trust";
  if (is_trust != o.name.empty())
    return fail({Code::kInvalid, is_trust ? "`trust` takes no name" : "a " + o.kind + " has a name"});
  return is_trust ? trust(o) : pair(o);
}

}  // namespace

KeysVerb add_keys_new(CLI::App& keys) {
  const auto o = std::make_shared<Options>();
  CLI::App* const app = keys.add_subcommand("new", "keys that updates are signed with, or that models are sealed to");
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
  app->add_flag("--json", o->json, "one JSON object on the last line");
  return {app, [o] { return run(*o); }};
}

}  // namespace arete::apps
