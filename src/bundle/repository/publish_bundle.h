// A bundle as targets of a repository: itself, its grants, and deltas to it (docs/formats/repository.md).
// Threads: one. Blocks for a reading of every byte.
#pragma once

#include <string>
#include <vector>

#include "bundle/contents.h"
#include "bundle/files/open_bundle.h"
#include "bundle/repository/publishing.h"
#include "core/result.h"

namespace arete::bundle {

struct PublishOptions {
  std::vector<std::string> older;  // bundles that deltas shall lead from
  KeyFiles unseal;                 // to make deltas between sealed ones
  Progress told = {};              // of making deltas
};

// kInvalid for a release that is not above those that are published, and for grants of another bundle; kCorrupt for a
// bundle that is.
Status publish_bundle(const PublishOptions& options, const std::string& path, Publishing& repository);
// "shoes@1.4.0", with its grants and the deltas to it. kNotFound where it is not published.
Status withdraw_bundle(const std::string& name, Publishing& repository);

}  // namespace arete::bundle
