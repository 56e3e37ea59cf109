// Groups of devices in a folder of keys: a key pair whose private key is granted to the members.
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"
#include "core/result.h"

namespace arete::bundle {

// A new key pair for the group, granted to the members; older pairs stay, for what was sealed to them. -> the path of
// the grants, which the members are to have.
Result<std::string> renew_group(const KeyFolder& folder, const std::string& name, const std::vector<Member>& members);
// Who has the key of the group now, but for those that are revoked. kNotFound for a member whose NAME.pub is not here.
Result<std::vector<Member>> members_of_group(const KeyFolder& folder, const Member& group);
// New pairs for the groups that have this member, and for theirs; -> the groups' names.
Result<std::vector<std::string>> renew_groups_with(const KeyFolder& folder, const Digest& member);

}  // namespace arete::bundle
