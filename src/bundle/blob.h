// Blobs: runs of bytes that are named by their content, and the forms in which they are stored and sent.
//
// Not for: which blob belongs where (manifest.h).
// Threads: values; a BlobPacker or BlobUnpacker belongs to one thread. Limits: kMaxBlobBytes. Spec: RFC 8878, by zstd;
// a patch is a frame with the base as its prefix (zstd --patch-from).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bundle/digest.h"
#include "core/result.h"

namespace arete::bundle {

// What a device holds in memory of one. Longer runs are cut.
inline constexpr std::size_t kMaxBlobBytes = std::size_t{16} << 20;

struct Blob {
  Digest digest;
  std::uint64_t bytes = 0;
  std::string tensor = {};  // of which weight or array these bytes are a part; "": of none
};

enum class Coding : std::uint8_t {
  kRaw,
  kZstd,
  kPatch,  // zstd against the bytes of another blob
};

struct Packed {
  Coding coding = Coding::kRaw;
  std::vector<std::byte> bytes;  // of the other codings
};

class BlobPacker {
 public:
  BlobPacker();
  ~BlobPacker();
  BlobPacker(const BlobPacker&) = delete;
  BlobPacker& operator=(const BlobPacker&) = delete;

  // kZstd where that is at least 5 % smaller, else kRaw without bytes. The same version of zstd gives the same bytes.
  Packed pack(std::span<const std::byte> bytes);
  // kPatch where that is smaller than what pack() gives.
  Packed pack_against(std::span<const std::byte> base, std::span<const std::byte> bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BlobUnpacker {
 public:
  BlobUnpacker();
  ~BlobUnpacker();
  BlobUnpacker(const BlobUnpacker&) = delete;
  BlobUnpacker& operator=(const BlobUnpacker&) = delete;

  // Fills `into`; `base` is for kPatch alone. kCorrupt where `stored` is no such form of exactly so many bytes.
  Status unpack(Coding coding, std::span<const std::byte> stored, std::span<const std::byte> base,
                std::span<std::byte> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// kCorrupt naming the blob where its bytes are not those of its digest.
Status check_blob(const Blob& blob, std::span<const std::byte> bytes);

}  // namespace arete::bundle
