#include "bundle/draft.h"

#include <algorithm>
#include <map>

namespace arete::bundle {

class Draft::Making {
 public:
  explicit Making(Draft& into) : into_(into) {}

  BundleFile add(const FileDraft& draft) {
    BundleFile file;
    file.path = draft.path;
    Sha256 whole;
    for (const Piece& piece : draft.pieces) {
      whole.add(piece.bytes);
      file.bytes += piece.bytes.size();
      for (std::size_t at = 0; at < piece.bytes.size(); at += kMaxBlobBytes) {
        const std::size_t size = std::min(kMaxBlobBytes, piece.bytes.size() - at);
        file.blobs.push_back(index_of(piece.bytes.subspan(at, size), piece.tensor));
      }
    }
    file.digest = whole.finish();
    return file;
  }

 private:
  std::uint32_t index_of(std::span<const std::byte> bytes, const std::string& tensor) {
    const Digest digest = digest_of(bytes);
    const auto [known, is_new] = indices_.try_emplace(digest, static_cast<std::uint32_t>(into_.blobs_.size()));
    if (is_new) {
      into_.blobs_.push_back(bytes);
      into_.manifest_.blobs.push_back({digest, bytes.size(), tensor});
    }
    return known->second;
  }

  Draft& into_;
  std::map<Digest, std::uint32_t> indices_;
};

Result<Draft> Draft::make(Manifest manifest, std::span<const FileDraft> files) {
  Draft draft;
  draft.manifest_ = std::move(manifest);
  draft.manifest_.files.clear();
  draft.manifest_.blobs.clear();
  Making making(draft);
  for (const FileDraft& file : files) draft.manifest_.files.push_back(making.add(file));
  RETURN_IF_ERROR(check_manifest(draft.manifest_));
  draft.text_ = write_manifest(draft.manifest_);
  if (draft.text_.size() > kMaxManifestBytes)
    return Error{Code::kExhausted, "the manifest would be over " + std::to_string(kMaxManifestBytes) + " bytes"};
  return draft;
}

}  // namespace arete::bundle
