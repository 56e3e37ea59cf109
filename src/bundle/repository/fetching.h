// A bundle from a repository: which one, believed how far, whole or by a delta.
// Threads: one. Blocks. Power: the bundle is there whole and checked, or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "bundle/files/open_bundle.h"
#include "bundle/repository/mirror.h"
#include "bundle/repository/target_names.h"
#include "bundle/tuf_trust.h"
#include "core/result.h"

namespace arete::bundle {

struct FetchOptions {
  std::string repository, trust, output;
  std::string model, version;  // version "": the highest release
  std::string have;            // the bundle that is here; "", or not there: none yet
  bool is_first = false;       // nothing was believed before: a root that the repository does not follow is forgotten
  KeyFiles keys;               // to put a sealed bundle together from a delta
  std::string agent_version;   // semantic: bundles that want a newer one are not taken
  Progress told = {};          // of putting a bundle together
  std::function<void(const std::string& what)> noted = {};  // what was passed over, for people
};

struct Fetched {
  Release release;
  bool is_new = false;
  bool by_delta = false;
  bool used_grace = false;
  std::uint64_t bytes = 0;  // of the bundle or the delta
};

// Asked when a delta failed: true takes the whole bundle instead.
using AfterFailedDelta = std::function<bool(const Error& why)>;

// kNotFound where nobody signs for such a bundle, kUntrusted for what must not be believed and for a release before the
// one that is here, kInvalid where that is of another model. One that is here and broken is fetched anew, whole.
Result<Fetched> fetch_bundle(const FetchOptions& options, TrustFolder& trust, const tuf::Expiry& expiry,
                             const AfterFailedDelta& after_failed_delta);

}  // namespace arete::bundle
