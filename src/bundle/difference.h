// What changed from one bundle to another: fields, files, and the blobs that one of them has alone.
// Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle/manifest.h"

namespace arete::bundle {

// A file of either bundle, and what of it the other lacks.
struct FileDifference {
  enum class Kind : std::uint8_t { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string path;
  std::uint64_t bytes = 0;                // in the newer one; of a removed one, in the older
  std::uint64_t changed_bytes = 0;        // of blobs that the older bundle does not have
  std::vector<std::string> tensors = {};  // of those blobs, each once
};

struct Difference {
  std::vector<std::string> fields;    // of the manifest, by name, whose values differ
  std::vector<FileDifference> files;  // that differ
  std::uint64_t new_blobs = 0;        // that only the newer one has
  std::uint64_t new_bytes = 0;        // of these
};

// `older_text` and `newer_text` are the manifests as they were published.
Result<Difference> difference(const std::string& older_text, const std::string& newer_text);

}  // namespace arete::bundle
