// Client: brings the trusted metadata up to date from a mirror that need not be believed, and finds targets in it.
//
// The mirror and the folder of trusted documents are functions and an interface: this room opens nothing. What was
// believed is kept at once, document by document, so that an update that is cut off goes on where it was.
// Threads: one. Limits: below, as python-tuf has them. Spec: TUF 1.0.34 section 5.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bundle/tuf_trust.h"
#include "core/result.h"

namespace arete::bundle::tuf {

inline constexpr int kMaxRootRotations = 256;  // in one update
inline constexpr int kMaxDelegations = 32;     // that are looked into for one target
inline constexpr std::uint64_t kMaxRootBytes = 512'000;
inline constexpr std::uint64_t kMaxTimestampBytes = 16'384;
inline constexpr std::uint64_t kMaxSnapshotBytes = 2'000'000;  // where the timestamp does not say
inline constexpr std::uint64_t kMaxTargetsBytes = 5'000'000;   // where the snapshot does not say

// Gives a file of the mirror, "2.root.json", at most so many bytes: kExhausted for a longer one, kNotFound where it is
// not there, anything else where the mirror cannot be reached.
using Fetch = std::function<Result<std::string>(const std::string& name, std::uint64_t max_bytes)>;

// The documents that are believed, by name: "root.json", "timestamp.json", "ROLE.json".
class Kept {
 public:
  virtual ~Kept() = default;
  virtual Result<std::string> load(const std::string& name) = 0;            // kNotFound
  virtual Status save(const std::string& name, std::string_view text) = 0;  // whole or not at all
};

class Client {
 public:
  // Borrows both. kNotFound without a kept root.
  static Result<Client> open(Kept& kept, Fetch fetch, const Expiry& expiry);

  // Root, timestamp, snapshot and targets, in this order. kUntrusted for what must not be believed; then what was
  // believed before stays.
  Status refresh();
  // What is signed of a target; nothing where nobody signs for it. Fetches delegated roles as far as it needs them.
  Result<std::optional<FileInfo>> find_target(const std::string& path);
  // Where a target lies below the mirror's folder of targets: with its hash before its name where the root says so.
  std::string place_of(const std::string& path, const FileInfo& target) const;

  const Trust& trust() const { return trust_; }

 private:
  Client(Kept& kept, Fetch fetch, Trust trust) : kept_(kept), fetch_(std::move(fetch)), trust_(std::move(trust)) {}
  Status update_roots();
  Status update_timestamp();
  Status update_snapshot();
  Status load_targets(const std::string& role, const std::string& delegator);
  std::string versioned(const std::string& role, std::int64_t version) const;

  Kept& kept_;
  Fetch fetch_;
  Trust trust_;
  std::set<std::pair<std::string, std::string>> loaded_;  // role, by the word of which delegator
};

// A role's name as a part of a file's name and an address.
std::string file_name_of(std::string_view role);

}  // namespace arete::bundle::tuf
