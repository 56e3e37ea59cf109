// What a repository says now, to publish on top of it.
//
// It is checked as a device would check it before anything is signed on top of it. What a revoked key signed is
// dropped: the lists begin anew, and their versions go on. Threads: one.
#pragma once

#include <map>
#include <string>

#include "bundle/repository/key_folder.h"
#include "bundle/tuf_author.h"
#include "bundle/tuf_metadata.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

struct Published {
  std::map<std::string, Json> documents;  // what is signed, by role; nothing at first
  std::map<std::string, tuf::FileInfo> targets;
  bool has_begun_anew = false;
};

// `newest` is the root that is to be published. Nothing of a new repository. kUntrusted for one that was tampered with.
Result<Published> read_published(const std::string& repository, const tuf::RootDraft& newest, const KeyFolder& keys);

}  // namespace arete::bundle
