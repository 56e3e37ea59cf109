// Groups of devices in a folder of keys: a key pair whose private key is granted to the members.
//
// What must be renewed is read from the folder each time: a change that was cut off is made whole by the next one.
// Threads: one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "bundle/grants.h"
#include "bundle/repository/key_folder.h"
#include "core/result.h"

namespace arete::bundle {

// A pair that a group has got.
struct Renewal {
  std::string name;
  std::string private_key;           // paths
  std::string grants;                // which the members are to have
  std::vector<std::string> members;  // their names
};

// What is about to happen to the folder.
struct MemberChange {
  std::set<std::string> revoked;    // ids that are granted nothing more
  std::string replaced;             // an id that gets another in its place; "": none
  std::string renewed;              // a group that gets a new pair in any case; "": none
  std::vector<std::string> joined;  // who becomes a member of it
};

// Of the newest pair of a group, as they lie there.
Result<std::vector<Grant>> grants_of_group(const KeyFolder& folder, const Member& group);
// A new key pair for the group, granted to the members; older pairs stay, for what was sealed to them.
Result<Renewal> renew_group(const KeyFolder& folder, const std::string& name, const std::vector<Member>& members);
// Of those names. kNotFound for one without NAME.pub, kUntrusted for one that is revoked.
Result<std::vector<Member>> members_named(const KeyFolder& folder, const std::vector<std::string>& names);
// The groups that need new pairs once this has happened: those whose newest grants lead to a key that is revoked or no
// longer its member's, and those that have such a group as a member; members come first. kNotFound for a member whose
// NAME.pub is not here, kInvalid for a group that is a member of itself. Writes nothing.
Result<std::vector<std::string>> groups_to_renew(const KeyFolder& folder, const MemberChange& change);
// New pairs for those groups, in this order, when what they wait for is written.
Result<std::vector<Renewal>> renew_groups(const KeyFolder& folder, const std::vector<std::string>& names,
                                          const MemberChange& change);

}  // namespace arete::bundle
