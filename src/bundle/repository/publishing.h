// A TUF repository in a folder, to publish into: new targets, and the documents that say so, signed by the keys of a
// folder. docs/formats/repository.md.
//
// Threads: one; who publishes holds both folders' locks. Power: devices see the old state or the new one, the timestamp
// being written last; what was signed and not yet named is taken up by the next run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"
#include "bundle/repository/published.h"
#include "bundle/tuf_author.h"
#include "core/result.h"
#include "os/keystore/folder_lock.h"

namespace arete::bundle {

// When documents lose their worth. Seconds since 1970, UTC.
struct PublishTimes {
  std::int64_t now_s = 0;
  std::int64_t lists_expire_s = 0;    // the list of targets
  std::int64_t newest_expires_s = 0;  // that it is the newest
};

class Publishing {
 public:
  // Makes the folder, and holds the locks as long as this lives; writes nothing else. kInvalid for an address,
  // kUntrusted where the folder is not what we published, or the root is past its time.
  static Result<Publishing> open(const std::string& repository, const KeyFolder& keys, std::int64_t now_s);

  // What is signed now, and what was added.
  const std::map<std::string, tuf::FileInfo>& targets() const { return before_.targets; }
  // True where a list was dropped that a revoked key signed: every bundle that is still good must be added again.
  bool has_begun_anew() const { return before_.has_begun_anew; }

  // Copies the file below targets/ and remembers to sign for it. kConflict where other bytes have the name already,
  // unless they `may_replace` them.
  Status add(const std::string& target, const std::string& file, Json custom, bool may_replace = false);
  // Where something may lie for a moment.
  std::string place_for(const std::string& name) const;
  // No longer signed for; the file stays. False where it is not signed for.
  bool withdraw(const std::string& target);

  // Signs and writes. Without the key of the list, and with nothing to add, the list stays and its being the newest is
  // signed anew. kNotFound naming the key that is missing, kInvalid where a dropped list would be followed by nothing.
  Status finish(const PublishTimes& times);

 private:
  Publishing(std::string repository, const KeyFolder& keys) : repository_(std::move(repository)), folder_(keys) {}
  std::string metadata(const std::string& name) const;
  std::vector<const SigningKey*> signers_of(const std::string& role) const;
  Result<std::string> signed_text(const std::string& role, const Json& part) const;
  // As N.ROLE.json; -> its text.
  Result<std::string> write_versioned(const std::string& role, const Json& part) const;
  Status write_list(const PublishTimes& times);
  Status write_roots() const;

  std::string repository_;
  KeyFolder folder_;
  std::vector<os::FolderLock> locks_;
  tuf::RootDraft root_;
  std::vector<NamedKey> keys_;
  Published before_;
  std::map<std::string, Json> added_;
  std::set<std::string> withdrawn_;
};

}  // namespace arete::bundle
