// The publisher's side of TUF: what a root says, as a value that changes and becomes the next root, and the documents
// of a repository.
//
// Not for: whether a document is believed (tuf_trust.h), where keys lie.
// Threads: values and pure functions. Spec: TUF 1.0.34 section 4 (document formats), 5.3 and 6.1 (changing keys).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/digest.h"
#include "bundle/signing_key.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle::tuf {

struct RoleDraft {
  std::map<std::string, Json> keys;  // by id, as SigningKey::public_json() gives them
  std::int64_t threshold = 1;
};

// Who signs what, from a version on.
struct RootDraft {
  std::int64_t version = 1;
  std::int64_t expires_s = 0;              // seconds since 1970, UTC
  std::map<std::string, RoleDraft> roles;  // root, targets, snapshot, timestamp
};

// Of a root that signs itself. kInvalid, kUntrusted else.
Result<RootDraft> draft_of_root(std::string_view text);
// What is to be signed.
Json signed_part(const RootDraft& draft);
// In every role that has it; -> whether any has.
bool replace_key(RootDraft& draft, const std::string& id, const SigningKey& by);

// The envelope with a signature more; who signed already does not do so twice.
Result<Json> with_signature(const Json& envelope, const SigningKey& key);
// Nothing where `next` may follow `before`, or is a first root; else why not, as clients would say it.
Status check_next_root(const std::optional<std::string>& before, std::string_view next);

// What a repository says beside its root. Unknown members of the documents before stay.
struct Dates {
  std::int64_t issued_s = 0;
  std::int64_t expires_s = 0;
};
// One of that version which says nothing.
Json empty_document(const std::string& role, std::int64_t version);
// The targets after `before` (null: there were none), with these entries new or instead of others, and without those.
Json next_targets(const Json& before, const Dates& dates, const std::map<std::string, Json>& entries,
                  const std::set<std::string>& without = {});
// The snapshot after `before`, with these documents' texts by name ("targets.json").
Json next_snapshot(const Json& before, const Dates& dates, const std::map<std::string, Json>& documents);
Json next_timestamp(const Json& before, const Dates& dates, const Json& snapshot);
// {"version", "length", "hashes"} of a document's text.
Json meta_of(std::int64_t version, std::string_view text);
// {"length", "hashes", "custom"} of a target.
Json target_of(std::uint64_t bytes, const Digest& sha256, Json custom);

// "2026-11-27T10:00:00Z"
std::string format_time(std::int64_t seconds);

}  // namespace arete::bundle::tuf
