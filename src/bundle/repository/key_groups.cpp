#include "bundle/repository/key_groups.h"

#include <algorithm>
#include <map>

#include "bundle/files/open_bundle.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

// The folder's devices and groups, and who is a member of what.
class Membership {
 public:
  static Result<Membership> read(const KeyFolder& folder, const MemberChange& change);

  bool is_revoked(const std::string& id) const { return revoked_.contains(id); }
  // Who has a grant now: by id, else by name, where it has a new key since; nullptr: nobody that is here.
  const Member* holder(const Grant& grant) const;
  // Those that are not revoked; an error for one that is not here.
  Result<std::vector<Member>> members_of(const std::string& group) const;
  // Groups with grants of their own that must not stay as they are.
  std::set<std::string> outdated() const;
  // `group` after the groups in `outdated` that are its members.
  Status put_in_order(const std::string& group, const std::set<std::string>& outdated,
                      std::vector<std::string>& ordered, std::set<std::string>& entered) const;
  const std::map<std::string, std::vector<Grant>>& groups() const { return groups_; }
  bool has_member_in(const std::string& group, const std::set<std::string>& names) const;

 private:
  Membership(const KeyFolder& folder, const MemberChange& change) : folder_(folder), change_(change) {}
  bool is_outdated(const Grant& grant) const;
  std::vector<const Member*> holders(const std::string& group) const;

  const KeyFolder& folder_;
  const MemberChange& change_;
  std::set<std::string> revoked_;                     // ids
  std::map<std::string, Member> by_name_;             // all
  std::map<std::string, std::string> names_;          // by id
  std::map<std::string, std::vector<Grant>> groups_;  // that are not revoked, by name
};

Result<Membership> Membership::read(const KeyFolder& folder, const MemberChange& change) {
  Membership made(folder, change);
  ASSIGN_OR_RETURN(const std::vector<Member> members, folder.members());
  ASSIGN_OR_RETURN(const auto revoked, folder.revoked_ids());
  made.revoked_ = change.revoked;
  for (const auto& [id, at] : revoked) made.revoked_.insert(id);
  for (const Member& member : members) {
    made.by_name_.emplace(member.name, member);
    made.names_.emplace(member.key.id().hex(), member.name);
    if (!member.is_group || made.is_revoked(member.key.id().hex())) continue;
    ASSIGN_OR_RETURN(made.groups_[member.name], grants_of_group(folder, member));
  }
  return made;
}

const Member* Membership::holder(const Grant& grant) const {
  const auto by_id = names_.find(grant.to.hex());
  const auto found = by_name_.find(by_id != names_.end() ? by_id->second : grant.name);
  return found == by_name_.end() ? nullptr : &found->second;
}

bool Membership::is_outdated(const Grant& grant) const {
  const std::string id = grant.to.hex();
  if (is_revoked(id) || id == change_.replaced) return true;
  const Member* const now = holder(grant);
  return now != nullptr && now->key.id() != grant.to;
}

std::set<std::string> Membership::outdated() const {
  std::set<std::string> names;
  for (const auto& [name, grants] : groups_) {
    if (name == change_.renewed || std::ranges::any_of(grants, [&](const Grant& grant) { return is_outdated(grant); }))
      names.insert(name);
  }
  return names;
}

std::vector<const Member*> Membership::holders(const std::string& group) const {
  std::vector<const Member*> all;
  for (const Grant& grant : groups_.at(group)) {
    const Member* const member = is_revoked(grant.to.hex()) ? nullptr : holder(grant);
    if (member != nullptr) all.push_back(member);
  }
  if (group != change_.renewed) return all;
  for (const std::string& name : change_.joined) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) all.push_back(&found->second);
  }
  return all;
}

bool Membership::has_member_in(const std::string& group, const std::set<std::string>& names) const {
  return std::ranges::any_of(holders(group), [&](const Member* member) { return names.contains(member->name); });
}

Result<std::vector<Member>> Membership::members_of(const std::string& group) const {
  for (const Grant& grant : groups_.at(group)) {
    if (is_revoked(grant.to.hex()) || holder(grant) != nullptr) continue;
    const std::string name = grant.name.empty() ? grant.to.hex() : grant.name;
    return Error{Code::kNotFound, "'" + name + "' is a member of '" + group + "', but " + folder_.at(name + ".pub") +
                                      " is not there; put it back, or revoke it"};
  }
  std::vector<Member> members;
  for (const Member* const member : holders(group)) {
    if (!is_revoked(member->key.id().hex())) members.push_back(*member);
  }
  return members;
}

Status Membership::put_in_order(const std::string& group, const std::set<std::string>& outdated,
                                std::vector<std::string>& ordered, std::set<std::string>& entered) const {
  if (std::ranges::find(ordered, group) != ordered.end()) return {};
  if (!entered.insert(group).second)
    return Error{Code::kInvalid, "'" + group + "' would be a member of itself, by way of other groups"};
  RETURN_IF_ERROR(members_of(group));
  for (const Member* const member : holders(group)) {
    if (outdated.contains(member->name)) RETURN_IF_ERROR(put_in_order(member->name, outdated, ordered, entered));
  }
  ordered.push_back(group);
  return {};
}

}  // namespace

Result<std::vector<Grant>> grants_of_group(const KeyFolder& folder, const Member& group) {
  ASSIGN_OR_RETURN(Grants grants, read_grants(folder.at(key_file_name(group.name, group.key.id().hex(), "grants"))));
  return std::move(grants.grants);
}

Result<Renewal> renew_group(const KeyFolder& folder, const std::string& name, const std::vector<Member>& members) {
  ASSIGN_OR_RETURN(const ExchangeKey key, ExchangeKey::generate());
  Grants grants{Grants::Kind::kGroup, key.public_key().id(), {}};
  Renewal made{name, {}, folder.at(key_file_name(name, grants.about.hex(), "grants")), {}};
  for (const Member& member : members) {
    RETURN_IF_ERROR(add_grant(grants, key.bytes(), {member.name, member.key}));
    if (std::ranges::find(made.members, member.name) == made.members.end()) made.members.push_back(member.name);
  }
  RETURN_IF_ERROR(os::write_text(os::real_file_system(), made.grants, write_grants(grants)));
  ASSIGN_OR_RETURN(made.private_key, folder.keep(name, key));
  return made;
}

Result<std::vector<Member>> members_named(const KeyFolder& folder, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const std::vector<Member> all, folder.members());
  std::vector<Member> members;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &Member::name);
    if (found == all.end())
      return Error{Code::kNotFound, "there is no " + folder.at(name + ".pub") + " for the member '" + name + "'"};
    if (found->is_revoked) return Error{Code::kUntrusted, "the key of '" + name + "' is revoked"};
    members.push_back(*found);
  }
  return members;
}

Result<std::vector<std::string>> groups_to_renew(const KeyFolder& folder, const MemberChange& change) {
  RETURN_IF_ERROR(members_named(folder, change.joined));
  ASSIGN_OR_RETURN(const Membership all, Membership::read(folder, change));
  std::set<std::string> outdated = all.outdated();
  // A group's new pair makes those outdated that have the old one: until no more are found.
  for (std::size_t before = outdated.size() + 1; before != outdated.size();) {
    before = outdated.size();
    for (const auto& [name, grants] : all.groups()) {
      if (all.has_member_in(name, outdated)) outdated.insert(name);
    }
  }
  std::vector<std::string> ordered;
  std::set<std::string> entered;
  for (const std::string& name : outdated) RETURN_IF_ERROR(all.put_in_order(name, outdated, ordered, entered));
  return ordered;
}

Result<std::vector<Renewal>> renew_groups(const KeyFolder& folder, const std::vector<std::string>& names,
                                          const MemberChange& change) {
  std::vector<Renewal> renewed;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const Membership all, Membership::read(folder, change));
    ASSIGN_OR_RETURN(const std::vector<Member> members, all.members_of(name));
    ASSIGN_OR_RETURN(Renewal made, renew_group(folder, name, members));
    renewed.push_back(std::move(made));
  }
  return renewed;
}

}  // namespace arete::bundle
