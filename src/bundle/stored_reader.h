// StoredReader: blobs out of the bytes of a bundle or a delta, each checked by its digest. Private to this room.
// Threads: one. Memory: one blob and its stored forms.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bundle/blob.h"
#include "bundle/content_key.h"
#include "core/zip.h"

namespace arete::bundle {

// Where a blob's stored form lies, and how it is to be read.
struct StoredPlace {
  Coding coding = Coding::kRaw;
  bool sealed = false;
  std::uint32_t bytes = 0;  // of which kSealBytes are the seal's
  std::uint64_t offset = 0;

  std::uint32_t form_bytes() const { return bytes - (sealed ? static_cast<std::uint32_t>(kSealBytes) : 0); }
};

// How a row of a bundle or a delta says it. Nothing for what is no coding, or no form of a blob of that size.
std::optional<StoredPlace> place_of_row(std::uint32_t coding, std::uint32_t bytes, const Blob& blob);
std::uint32_t row_coding(Coding coding, bool sealed);
// Stands in a coding's word beside the coding: what it is about is sealed.
inline constexpr std::uint32_t kSealedBit = 0x100;

// How a blob is to be stored: its form, sealed where there is a key. `bytes` are the blob's.
struct StoredForm {
  std::uint32_t coding = 0;      // of the row
  std::vector<std::byte> bytes;  // empty where the blob's own are stored
};
Result<StoredForm> stored_form(const Blob& blob, Packed packed, std::span<const std::byte> bytes,
                               const ContentKey* key);

class StoredReader {
 public:
  explicit StoredReader(ReadAt read) : read_(std::move(read)) {}

  const ReadAt& at() const { return read_; }
  const ContentKey* key() const { return key_ ? &*key_ : nullptr; }
  void unseal_with(const ContentKey& key) { key_ = key; }
  // The blob's bytes, until the next call; `base` is for patches alone. kCorrupt naming the blob where they are not
  // what its digest says; kUntrusted where they are sealed and the key is not there or another.
  Result<std::span<const std::byte>> blob(const Blob& blob, const StoredPlace& place, std::span<const std::byte> base);
  BlobUnpacker& unpacker() { return *unpacker_; }

 private:
  Result<std::span<const std::byte>> form(const Blob& blob, const StoredPlace& place);

  ReadAt read_;
  std::optional<ContentKey> key_;
  std::unique_ptr<BlobUnpacker> unpacker_ = std::make_unique<BlobUnpacker>();
  std::vector<std::byte> stored_;
  std::vector<std::byte> unsealed_;
  std::vector<std::byte> unpacked_;
};

}  // namespace arete::bundle
