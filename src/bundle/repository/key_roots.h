// The next root of a folder of keys: made, signed by the keys at hand, and kept when enough have signed.
// Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"
#include "bundle/tuf_author.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

struct RootStep {
  std::int64_t version = 0;
  std::string path;          // where it lies
  std::string missing = {};  // why it is not complete; "": it is
};

// Of a key that the root does not have any more.
struct Revocation {
  std::string id;
  std::string role;
  std::int64_t at_s = 0;
};

struct RootSigners {
  std::vector<NamedKey> keys = {};  // at hand; those that sign no roots, and those that are revoked, are left out
  std::optional<Revocation> revocation = {};  // noted once the root is kept; this key does not sign
};

// What a root says of a role that the one before does not.
struct RoleChange {
  std::string role;
  std::vector<std::string> in, out;  // ids
  std::int64_t threshold_before = 0;
  std::int64_t threshold = 0;
};

struct RootChanges {
  std::int64_t version = 0;
  std::int64_t expires_before_s = 0;
  std::int64_t expires_s = 0;
  std::vector<RoleChange> roles;     // those that differ
  std::vector<std::string> others;   // members of the document that differ
  std::vector<std::string> reasons;  // why nobody should sign it without a second look; none: an everyday change
};

// A root that is not complete, read to be looked at and signed.
struct UnfinishedRoot {
  Json envelope;
  std::set<std::string> signers;  // ids that sign roots, by the word of the last root or of this one
  RootChanges changes;
};

// The root that is believed, with the next version's number and a new time.
Result<tuf::RootDraft> begin_next_root(const KeyFolder& folder, std::int64_t expires_s);
// Signs with those of the keys that sign roots by the word of the last root or of this one.
Result<RootStep> sign_root(const KeyFolder& folder, const tuf::RootDraft& draft, const RootSigners& signers);
// kInvalid for another version than the next one, kNotFound without a root to compare it with, kConflict where another
// root of that version waits in the folder.
Result<UnfinishedRoot> read_unfinished_root(const KeyFolder& folder, const std::string& path);
// One more signature, or several; those that its copy in the folder has stay.
Result<RootStep> sign_root_further(const KeyFolder& folder, const UnfinishedRoot& root, const RootSigners& signers);

}  // namespace arete::bundle
