// A TUF repository in a folder, to publish into: new targets, and the documents that say so, signed by the keys of a
// folder. docs/formats/repository.md.
//
// Threads: one. Power: devices see the old state or the new one, the timestamp being written last.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"
#include "bundle/repository/published.h"
#include "bundle/tuf_author.h"
#include "core/result.h"

namespace arete::bundle {

class Publishing {
 public:
  static Result<Publishing> open(const std::string& repository, const KeyFolder& keys);

  // What is signed now.
  const std::map<std::string, tuf::FileInfo>& targets() const { return before_.targets; }
  // True where lists were dropped, so that every bundle must be published again.
  bool has_begun_anew() const { return before_.has_begun_anew; }

  // Copies the file below targets/ and remembers to sign for it. kConflict where other bytes have the name already.
  Status add(const std::string& target, const std::string& file, Json custom);

  // Signs and writes what was added, and new dates: the lists are good until one time, as the newest until another.
  Status finish(std::int64_t now_s, std::int64_t lists_expire_s, std::int64_t newest_expires_s);

 private:
  explicit Publishing(std::string repository) : repository_(std::move(repository)) {}
  std::string metadata(const std::string& name) const;
  Result<std::string> signed_text(const std::string& role, const Json& part) const;
  // As N.ROLE.json; -> its meta.
  Result<Json> write_versioned(const std::string& role, const Json& part) const;

  std::string repository_;
  tuf::RootDraft root_;
  std::vector<NamedKey> keys_;
  Published before_;
  std::map<std::string, Json> added_;
};

}  // namespace arete::bundle
