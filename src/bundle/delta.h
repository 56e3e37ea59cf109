// Delta: what makes a newer bundle of an older one (docs/formats/bundle.md): the newer manifest and the blobs that the
// older one lacks, each as it is, by zstd, or by zstd against the older blob in its place, whichever is smallest.
//
// A delta is about two manifests by their digests, and useless for any others. What it gives is checked as a bundle is:
// neither the delta nor the older bundle needs to be believed once the newer manifest is.
// Threads: one. Memory: two blobs and their stored form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle/contents.h"
#include "bundle/stored_reader.h"
#include "core/zip.h"

namespace arete::bundle {

// Sealed where there is a key: the newer bundle's content key.
Status write_delta(Contents& older, Contents& newer, const Sink& sink, const Progress& told = {},
                   const ContentKey* key = nullptr);

// The newer contents, by the older ones and the delta.
class Patched final : public Contents {
 public:
  // Borrows `older`. kConflict where it is not the bundle that the delta was made from; kCorrupt, kUnsupported and
  // errors of parse_manifest as for a bundle.
  static Result<Patched> open(Contents& older, ReadAt delta, std::uint64_t size_bytes);

  const Manifest& manifest() const override { return manifest_; }
  const std::string& manifest_text() const override { return text_; }
  Result<std::span<const std::byte>> blob(std::size_t index) override;
  // True when the newer bundle is sealed, whether or not the delta holds any of its blobs: what is put together of it
  // is to be sealed with the newer bundle's content key.
  bool is_sealed() const;
  void unseal_with(const ContentKey& key) { reader_.unseal_with(key); }
  const ContentKey* content_key() const { return reader_.key(); }  // nullptr: none was given

 private:
  struct Place {
    bool is_old = false;
    std::uint32_t base = 0;  // or the blob itself, in the older contents
    StoredPlace stored = {};
  };
  Patched(Contents& older, ReadAt delta) : older_(older), reader_(std::move(delta)) {}
  Status read_manifest(std::uint64_t size_bytes, std::uint64_t& blobs_at);
  Status read_places(std::uint64_t blobs_at, std::uint64_t size_bytes);

  Contents& older_;
  StoredReader reader_;
  Manifest manifest_;
  std::string text_;
  std::vector<Place> places_;
  bool is_sealed_ = false;
};

}  // namespace arete::bundle
