// `arete keys rotate` and `revoke` of a device or a group.
#include <iostream>

#include "apps/cli.h"
#include "apps/keys_change.h"
#include "apps/keys_options.h"

namespace arete::apps {
namespace {

struct Changed {
  std::string private_key;  // of a device; "": none
  std::vector<bundle::Renewal> groups;
};

Status check(const KeysChange& o, const std::optional<bundle::Member>& member) {
  const bool is_group = member && member->is_group;
  const std::string kind = is_group ? "the group '" : "the device '";
  RETURN_IF_ERROR(check_not_given(*o.app, {"--with", "--days"}, kind + o.what + "', which is in no root"));
  if (!is_group) RETURN_IF_ERROR(check_not_given(*o.app, {"--member"}, kind + o.what + "', which has no members"));
  if (!o.is_revoked && member->is_revoked)
    return Error{Code::kUntrusted, "'" + o.what + "' is revoked; what is trusted again gets a new name"};
  return {};
}

Result<Changed> revoke(const KeysChange& o, const bundle::KeyFolder& folder,
                       const std::optional<bundle::Member>& member) {
  // Its older keys too: a rotation that was cut off leaves groups that still have one.
  bundle::MemberChange change;
  ASSIGN_OR_RETURN(change.revoked, folder.ids_of(o.what));
  if (member) change.revoked.insert(member->key.id().hex());
  ASSIGN_OR_RETURN(const std::vector<std::string> groups, bundle::groups_to_renew(folder, change));
  RETURN_IF_ERROR(folder.revoke(change.revoked, o.what, now_s()));
  Changed changed;
  ASSIGN_OR_RETURN(changed.groups, bundle::renew_groups(folder, groups, change));
  return changed;
}

Result<Changed> rotate(const KeysChange& o, const bundle::KeyFolder& folder, const bundle::Member& member) {
  bundle::MemberChange change;
  if (member.is_group) change = {{}, {}, member.name, o.joined};
  if (!member.is_group) change.replaced = member.key.id().hex();
  ASSIGN_OR_RETURN(const std::vector<std::string> groups, bundle::groups_to_renew(folder, change));
  Changed changed;
  if (!member.is_group) {
    ASSIGN_OR_RETURN(const bundle::ExchangeKey key, bundle::ExchangeKey::generate());
    ASSIGN_OR_RETURN(changed.private_key, folder.keep(member.name, key));
  }
  ASSIGN_OR_RETURN(changed.groups, bundle::renew_groups(folder, groups, change));
  return changed;
}

void print(const KeysChange& o, const Changed& changed) {
  if (o.is_revoked) std::cout << o.what << " is granted nothing from now on\n";
  if (!changed.private_key.empty())
    std::cout << o.what << " has a new key:\n  " << changed.private_key << " is for " << o.what << " alone\n";
  for (const bundle::Renewal& renewal : changed.groups) print_renewal(renewal);
  std::cout << "What was sealed before can still be read with the old keys: seal the next versions to the new ones.\n";
}

void print_as_json(const KeysChange& o, const bundle::KeyFolder& folder, const Changed& changed) {
  std::vector<std::string> names;
  Json groups = Json::array();
  for (const bundle::Renewal& renewal : changed.groups) {
    if (renewal.name != o.what) names.push_back(renewal.name);
    groups.push_back(json_of(renewal));
  }
  Json json = Json::object(
      {{"name", o.what}, {"revoked", o.is_revoked}, {"renewed_groups", json_of(names)}, {"groups", std::move(groups)}});
  if (!changed.private_key.empty()) {
    json.set("private", changed.private_key);
    json.set("public", folder.at(o.what + ".pub"));
  }
  print_json(json);
}

}  // namespace

int change_member(const KeysChange& o, const bundle::KeyFolder& folder, const std::optional<bundle::Member>& member) {
  if (const Status good = check(o, member); !good) return fail(good.error());
  const Result<Changed> changed = o.is_revoked ? revoke(o, folder, member) : rotate(o, folder, *member);
  if (!changed) return fail(changed.error());
  if (o.json) {
    print_as_json(o, folder, *changed);
  } else {
    print(o, *changed);
  }
  return kDone;
}

}  // namespace arete::apps
