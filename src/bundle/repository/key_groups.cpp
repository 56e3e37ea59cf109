#include "bundle/repository/key_groups.h"

#include <algorithm>
#include <set>

#include "bundle/files/open_bundle.h"
#include "os/base/files.h"

namespace arete::bundle {
namespace {

Result<Grants> grants_of(const KeyFolder& folder, const Member& group) {
  return read_grants(folder.at(key_file_name(group.name, group.key.id().hex(), "grants")));
}

bool has_grant(const Grants& grants, const Digest& id) {
  return std::ranges::find(grants.grants, id, &Grant::to) != grants.grants.end();
}

// The first group that must be renewed because one of `changed` has its key.
Result<const Member*> next_to_renew(const KeyFolder& folder, const std::vector<Member>& members,
                                    const std::set<Digest>& changed) {
  for (const Member& group : members) {
    if (!group.is_group) continue;
    ASSIGN_OR_RETURN(const Grants grants, grants_of(folder, group));
    const auto has = [&](const Digest& id) { return has_grant(grants, id); };
    if (std::ranges::any_of(changed, has)) return &group;
  }
  return nullptr;
}

}  // namespace

Result<std::string> renew_group(const KeyFolder& folder, const std::string& name, const std::vector<Member>& members) {
  ASSIGN_OR_RETURN(const ExchangeKey key, ExchangeKey::generate());
  Grants grants{Grants::Kind::kGroup, key.public_key().id(), {}};
  for (const Member& member : members) RETURN_IF_ERROR(add_grant(grants, key.bytes(), {member.name, member.key}));
  std::string path = folder.at(key_file_name(name, grants.about.hex(), "grants"));
  RETURN_IF_ERROR(os::write_text(os::real_file_system(), path, write_grants(grants)));
  RETURN_IF_ERROR(folder.keep(name, key));
  return path;
}

Result<std::vector<Member>> members_of_group(const KeyFolder& folder, const Member& group) {
  ASSIGN_OR_RETURN(const Grants grants, grants_of(folder, group));
  ASSIGN_OR_RETURN(const std::vector<Member> all, folder.members());
  std::vector<Member> members;
  for (const Grant& grant : grants.grants) {
    // By name where it has a new key since.
    const auto found = std::ranges::find_if(all, [&](const Member& member) {
      return member.key.id() == grant.to || (!grant.name.empty() && member.name == grant.name);
    });
    if (found == all.end())
      return Error{Code::kNotFound, "'" + grant.name + "' is a member of '" + group.name + "', but " +
                                        folder.at(grant.name + ".pub") + " is not there; put it back, or revoke it"};
    if (!found->is_revoked) members.push_back(*found);
  }
  return members;
}

Result<std::vector<std::string>> renew_groups_with(const KeyFolder& folder, const Digest& member) {
  std::vector<std::string> renewed;
  std::set<Digest> changed = {member};
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<Member> members, folder.members());
    ASSIGN_OR_RETURN(const Member* const group, next_to_renew(folder, members, changed));
    if (group == nullptr) return renewed;
    if (renewed.size() >= members.size() * members.size())
      return Error{Code::kInvalid, "'" + group->name + "' is a member of itself, by way of other groups"};
    ASSIGN_OR_RETURN(const std::vector<Member> left, members_of_group(folder, *group));
    changed.insert(group->key.id());
    renewed.push_back(group->name);
    RETURN_IF_ERROR(renew_group(folder, group->name, left));
  }
}

}  // namespace arete::bundle
