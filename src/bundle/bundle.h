// Bundle: a bundle's bytes, read (docs/formats/bundle.md): its manifest first, then any blob.
//
// Every byte is hostile until its digest is right: sizes and counts are checked before memory is spent on them, and at
// most one blob is unpacked at a time. Not for: whether the manifest is to be believed.
// Threads: one. Ownership: owns its way to read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bundle/contents.h"
#include "bundle/stored_reader.h"
#include "core/zip.h"

namespace arete::bundle {

// By the first bytes, of which kMagicBytes are enough.
inline constexpr std::size_t kMagicBytes = 8;
bool looks_like_bundle(std::span<const std::byte> first);

class Bundle final : public Contents {
 public:
  // kCorrupt for bytes that are no bundle, are cut short or go on, kUnsupported for a newer format, errors of
  // parse_manifest.
  static Result<Bundle> open(ReadAt read, std::uint64_t size_bytes);

  const Manifest& manifest() const override { return manifest_; }
  const std::string& manifest_text() const override { return text_; }
  Result<std::span<const std::byte>> blob(std::size_t index) override;
  std::uint64_t stored_bytes() const;  // of all blobs
  // True when any blob can only be read with the content key.
  bool is_sealed() const;
  void unseal_with(const ContentKey& key) { reader_.unseal_with(key); }
  const ContentKey* content_key() const { return reader_.key(); }  // nullptr: none was given
  // Errors of its blobs begin with it, so that of two bundles one knows which. "": none.
  void set_path(std::string path) { path_ = std::move(path); }

 private:
  explicit Bundle(ReadAt read) : reader_(std::move(read)) {}
  Status read_places(std::uint64_t blobs_at, std::uint64_t size_bytes);

  StoredReader reader_;
  Manifest manifest_;
  std::string text_;
  std::string path_;
  std::vector<StoredPlace> places_;
};

}  // namespace arete::bundle
