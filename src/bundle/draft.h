// Draft: files as pieces that are to become a bundle.
//
// Where to cut is the caller's to say (cut.h). Equal pieces become one blob.
// Threads: one. Memory: that of the manifest; pieces are borrowed, so that they may lie in mapped files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "bundle/contents.h"

namespace arete::bundle {

// Bytes of a file one behind the other. Longer ones than a blob are cut at every kMaxBlobBytes.
struct Piece {
  std::span<const std::byte> bytes;  // borrowed as long as the draft is used
  std::string tensor = {};           // of which weight or array; "" of none
};

struct FileDraft {
  std::string path;
  std::vector<Piece> pieces;
};

class Draft final : public Contents {
 public:
  // Fills in the manifest's files and blobs. Errors of check_manifest, kExhausted where the manifest is too long.
  static Result<Draft> make(Manifest manifest, std::span<const FileDraft> files);

  const Manifest& manifest() const override { return manifest_; }
  const std::string& manifest_text() const override { return text_; }
  Result<std::span<const std::byte>> blob(std::size_t index) override { return blobs_[index]; }

 private:
  class Making;
  Draft() = default;

  Manifest manifest_;
  std::string text_;
  std::vector<std::span<const std::byte>> blobs_;
};

}  // namespace arete::bundle
