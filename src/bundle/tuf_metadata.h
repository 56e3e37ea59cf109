// The four kinds of TUF metadata as values, and whether enough of the right keys signed one.
//
// Not for: which of them to believe in which order (tuf_trust.h).
// Threads: values and pure functions. Limits: below, and those of who fetches. Unknown fields are allowed, and are
// signed with the rest. Spec: TUF 1.0.34 section 4 (document formats); TAP 15 (succinct hash bins).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/public_key.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle::tuf {

inline constexpr std::size_t kMaxMetadataBytes = std::size_t{16} << 20;
inline constexpr std::int64_t kMaxVersion = std::int64_t{1} << 53;  // what every reader of JSON keeps, and can count up
inline constexpr std::size_t kMaxKeys = 1024;                       // of one document
inline constexpr std::size_t kMaxSignatures = 1024;                 // of one document

// Who may sign a role.
struct RoleKeys {
  std::set<std::string> key_ids;
  std::int64_t threshold = 1;
};

using Keys = std::map<std::string, PublicKey>;  // by id; keys of unknown schemes are left out

// What one document says of another, or of a target.
struct FileInfo {
  std::int64_t version = 0;                   // of metadata; 0 of a target
  std::optional<std::uint64_t> length;        // always there of a target
  std::map<std::string, std::string> hashes;  // {"sha256": hex}
  Json custom;                                // of a target; null: none

  // kUntrusted where the bytes have another length, another hash, or a hash of an unknown kind alone.
  Status check(std::string_view name, std::string_view bytes) const;
};

// What every document says.
struct Common {
  std::string type;  // "root"
  std::int64_t version = 0;
  std::int64_t expires_s = 0;            // seconds since 1970, UTC
  std::optional<std::int64_t> issued_s;  // of what this publisher signs: when (docs/formats/repository.md)
};

struct Root {
  Common common;
  bool consistent_snapshot = false;
  Keys keys;
  std::map<std::string, RoleKeys> roles;  // root, timestamp, snapshot, targets
};

struct Timestamp {
  Common common;
  FileInfo snapshot;
};

struct Snapshot {
  Common common;
  std::map<std::string, FileInfo> meta;  // "targets.json", "NAME.json"
};

struct DelegatedRole {
  std::string name;
  RoleKeys keys;
  bool terminating = false;
  std::vector<std::string> paths;          // patterns
  std::vector<std::string> hash_prefixes;  // of the path's SHA-256
  bool covers(std::string_view path) const;
};

// Roles that share the targets out by their paths' hashes.
struct SuccinctRoles {
  RoleKeys keys;
  int bit_length = 0;
  std::string name_prefix;
  std::string name_for(std::string_view path) const;
};

struct Delegations {
  Keys keys;
  std::vector<DelegatedRole> roles;
  std::optional<SuccinctRoles> succinct;
  // nullptr where nothing is delegated to that name.
  const RoleKeys* find(const std::string& name) const;
};

struct Targets {
  Common common;
  std::map<std::string, FileInfo> targets;
  std::optional<Delegations> delegations;
};

// A document before it is believed: its signatures, and the bytes that they are about.
struct Envelope {
  Json signed_part;
  std::string signed_bytes;                       // canonical
  std::map<std::string, std::string> signatures;  // key id -> bytes
};
Result<Envelope> parse_envelope(std::string_view text);

// kCorrupt and kInvalid naming the field; kUnsupported for another major version of the specification.
Result<Root> parse_root(const Envelope& envelope);
Result<Timestamp> parse_timestamp(const Envelope& envelope);
Result<Snapshot> parse_snapshot(const Envelope& envelope);
Result<Targets> parse_targets(const Envelope& envelope);

// kUntrusted unless the threshold is met by different keys of the role.
Status check_signatures(const Envelope& envelope, const Keys& keys, const RoleKeys& role, std::string_view name);

// "2026-11-27T10:00:00Z" and nothing else. Seconds since 1970.
Result<std::int64_t> parse_time(std::string_view text);

}  // namespace arete::bundle::tuf
