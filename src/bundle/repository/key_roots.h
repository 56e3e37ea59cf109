// The next root of a folder of keys: made, signed by the keys at hand, and kept when enough have signed.
// Threads: one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bundle/repository/key_folder.h"
#include "bundle/tuf_author.h"
#include "core/result.h"

namespace arete::bundle {

struct RootStep {
  std::int64_t version = 0;
  std::string path;          // where it lies
  std::string missing = {};  // why it is not complete; "": it is
};

struct RootSigners {
  std::vector<std::string> also = {};  // paths of private keys that lie elsewhere
  std::set<std::string> never = {};    // ids of keys that must not sign any more
};

// The root that is believed, with the next version's number and a new time.
Result<tuf::RootDraft> begin_next_root(const KeyFolder& folder, std::int64_t expires_s);
// Signs with those of the keys at hand that sign roots by the word of the last root or of this one.
Result<RootStep> sign_root(const KeyFolder& folder, const tuf::RootDraft& draft, const RootSigners& signers);
// One more signature, or several, for a root that is not complete.
Result<RootStep> sign_root_further(const KeyFolder& folder, const std::string& path, const RootSigners& signers);

}  // namespace arete::bundle
