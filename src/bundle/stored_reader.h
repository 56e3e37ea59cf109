// StoredReader: blobs out of the bytes of a bundle or a delta, each checked by its digest. Private to this room.
// Threads: one. Memory: one blob and its stored form.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "bundle/blob.h"
#include "core/zip.h"

namespace arete::bundle {

// Where a blob's stored form lies, and how it is to be read.
struct StoredPlace {
  Coding coding = Coding::kRaw;
  std::uint32_t bytes = 0;
  std::uint64_t offset = 0;
};

class StoredReader {
 public:
  explicit StoredReader(ReadAt read) : read_(std::move(read)) {}

  const ReadAt& at() const { return read_; }
  // The blob's bytes, until the next call; `base` is for patches alone. kCorrupt naming the blob where they are not
  // what its digest says.
  Result<std::span<const std::byte>> blob(const Blob& blob, const StoredPlace& place, std::span<const std::byte> base);
  BlobUnpacker& unpacker() { return *unpacker_; }

 private:
  ReadAt read_;
  std::unique_ptr<BlobUnpacker> unpacker_ = std::make_unique<BlobUnpacker>();
  std::vector<std::byte> stored_;
  std::vector<std::byte> unpacked_;
};

}  // namespace arete::bundle
