// The fixed parts of a bundle's and a delta's bytes, for who writes and who reads them (docs/formats/bundle.md).
// Private to this room. All numbers are little endian, as this machine's. Threads: pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bundle/digest.h"
#include "core/zip.h"

namespace arete::bundle {

// As PNG's: what takes it for text, or takes away the eighth bit, breaks it.
using Magic = std::array<unsigned char, 8>;
inline constexpr Magic kBundleMagic = {0x8A, 'A', 'R', 'T', '\r', '\n', 0x1A, '\n'};
inline constexpr Magic kDeltaMagic = {0x8A, 'A', 'R', 'D', '\r', '\n', 0x1A, '\n'};
inline constexpr std::uint32_t kFormat = 1;

struct Head {
  Magic magic = kBundleMagic;
  std::uint32_t format = kFormat;
  std::uint32_t manifest_bytes = 0;
  Digest manifest_digest;
};
static_assert(sizeof(Head) == 48);

// How one blob is stored in a bundle.
struct StoredRow {
  std::uint32_t bytes = 0;
  std::uint32_t coding = 0;
};
static_assert(sizeof(StoredRow) == 8);

template <class Row>
Result<Row> read_row(const ReadAt& read, std::uint64_t offset) {
  Row row;
  RETURN_IF_ERROR(read(offset, std::as_writable_bytes(std::span(&row, 1))));
  return row;
}

// Checks the magic, the format and that the manifest fits. `what` is "bundle" or "delta".
Result<Head> read_head(const ReadAt& read, std::uint64_t size_bytes, const Magic& magic, const char* what);

}  // namespace arete::bundle
