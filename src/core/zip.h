// Reading and writing zip archives as far as .npz files need them: stored and deflated entries,
// zip64, no encryption, no multi-part archives.
//
// Reads through a ReadAt function, so that the archive may be bytes in memory or a file, and an
// entry is a stream: memory stays flat in its size. Everything is hostile: sizes, offsets and
// counts are checked, and an entry never yields more than its directory says.
// Threads: ZipIndex is immutable; each ZipStream belongs to one thread.
// Spec: PKWARE APPNOTE 6.3 sections 4.3-4.5; RFC 1951 by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace arete {

// Fills `to` completely from `offset`, or fails.
using ReadAt = std::function<Status(std::uint64_t offset, std::span<std::byte> to)>;
ReadAt read_at_memory(std::span<const std::byte> bytes);  // bytes must outlive the function

inline constexpr std::size_t kMaxZipEntries = 4096;

struct ZipEntry {
  std::string name;
  std::uint64_t offset = 0;  // of the local header
  std::uint64_t packed_bytes = 0;
  std::uint64_t size_bytes = 0;  // unpacked
  bool deflated = false;
  std::uint32_t crc = 0;  // of the unpacked bytes
};

// The directory of an archive of `archive_bytes`. kCorrupt when it does not hold together.
Result<std::vector<ZipEntry>> read_zip_directory(const ReadAt& read, std::uint64_t archive_bytes);

// The unpacked bytes of one entry, in order.
class ZipStream {
 public:
  static Result<std::unique_ptr<ZipStream>> open(ReadAt read, ZipEntry entry);
  virtual ~ZipStream() = default;
  // Fills `to` completely; kCorrupt when the entry ends before, does not unpack, or (with its last
  // byte) has another checksum than its directory says.
  virtual Status read(std::span<std::byte> to) = 0;
};

// An archive of stored (not deflated) entries. Sizes below 4 GiB each.
class ZipWriter {
 public:
  void add(std::string_view name, std::span<const std::byte> content);
  std::string finish() &&;

 private:
  std::string bytes_;
  std::string directory_;
  std::uint32_t count_ = 0;
};

}  // namespace arete
