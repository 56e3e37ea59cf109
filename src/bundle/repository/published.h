// What a repository says now, to publish on top of it.
//
// The folder may have been in anybody's hands: roots are believed by the folder of keys alone, the list of targets
// where a key of ours signed it that was not revoked since, and it must not be older than the one that was signed last,
// which the folder of keys remembers. What a revoked key signed is dropped. Threads: one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "bundle/repository/key_folder.h"
#include "bundle/tuf_author.h"
#include "bundle/tuf_metadata.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

// What was signed last with the keys of a folder: published.json there.
struct LastSigned {
  std::map<std::string, std::int64_t> versions;  // by role; 0: nothing
  std::optional<Digest> targets;                 // of the list's text
};
Result<LastSigned> read_last_signed(const KeyFolder& keys);
Status write_last_signed(const KeyFolder& keys, const LastSigned& last);

struct Published {
  std::string targets_text;  // the list as it was signed; "": there is none
  Json targets_part;         // what is signed in it; null at first
  std::map<std::string, tuf::FileInfo> targets;
  std::map<std::string, std::int64_t> versions;  // the highest of each role that devices may have seen
  bool has_begun_anew = false;                   // a list was dropped
};

// Nothing of a new repository. kUntrusted for one that is not ours, is older than what was signed last, or lost it.
Result<Published> read_published(const std::string& repository, const KeyFolder& keys);

// The root with that version, as the folder of keys has it.
Result<std::string> root_of_version(const KeyFolder& keys, std::int64_t version);

}  // namespace arete::bundle
