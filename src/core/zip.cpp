#include "core/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/check.h"

namespace arete {
namespace {

constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr std::uint32_t kDirectorySignature = 0x02014b50;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kDirectoryRowBytes = 46;
constexpr std::uint64_t kMaxDeflateRatio = 1032;  // no deflated byte yields more (zlib's documentation)
constexpr std::uint64_t kMaxDirectoryBytes = std::uint64_t{4} << 20;

Error corrupt(const std::string& what) { return {Code::kCorrupt, "zip: " + what}; }

template <class T>
T get(std::span<const std::byte> bytes, std::size_t at) {
  T value{};
  CHECK(at + sizeof(T) <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t count = 0;
};

// The zip64 end record, where the plain one says that its fields were too small.
Status read_end64(const ReadAt& read, std::uint64_t locator_at, Directory& directory) {
  std::array<std::byte, 20> locator{};
  RETURN_IF_ERROR(read(locator_at, locator));
  if (get<std::uint32_t>(locator, 0) != kEnd64LocatorSignature) return corrupt("no zip64 locator");
  std::array<std::byte, 56> end{};
  RETURN_IF_ERROR(read(get<std::uint64_t>(locator, 8), end));
  if (get<std::uint32_t>(end, 0) != kEnd64Signature) return corrupt("no zip64 end record");
  directory.count = get<std::uint64_t>(end, 32);
  directory.size_bytes = get<std::uint64_t>(end, 40);
  directory.offset = get<std::uint64_t>(end, 48);
  return {};
}

Result<Directory> find_directory(const ReadAt& read, std::uint64_t archive_bytes) {
  if (archive_bytes < kEndBytes) return corrupt("too short to be an archive");
  // The end record is last, behind it at most a comment of 64 KiB.
  const std::uint64_t tail_bytes = std::min<std::uint64_t>(archive_bytes, kEndBytes + 65535);
  std::vector<std::byte> tail(tail_bytes);
  RETURN_IF_ERROR(read(archive_bytes - tail_bytes, tail));
  for (std::size_t at = tail_bytes - kEndBytes + 1; at-- > 0;) {
    if (get<std::uint32_t>(tail, at) != kEndSignature) continue;
    Directory directory{get<std::uint32_t>(tail, at + 16), get<std::uint32_t>(tail, at + 12),
                        get<std::uint16_t>(tail, at + 10)};
    if (directory.offset == 0xFFFFFFFFU || directory.count == 0xFFFFU) {
      const std::uint64_t end_at = archive_bytes - tail_bytes + at;
      if (end_at < 20) return corrupt("no room for a zip64 locator");
      RETURN_IF_ERROR(read_end64(read, end_at - 20, directory));
    }
    return directory;
  }
  return corrupt("no end-of-archive record (the file is cut short or no zip)");
}

// Fields that were too large for the plain row stand in the zip64 extra field, in this order.
void read_extra64(std::span<const std::byte> extra, ZipEntry& entry) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const auto id = get<std::uint16_t>(extra, at);
    const std::size_t size = get<std::uint16_t>(extra, at + 2);
    if (at + 4 + size > extra.size()) return;
    const std::span<const std::byte> field = extra.subspan(at + 4, size);
    at += 4 + size;
    if (id != 1) continue;
    std::size_t next = 0;
    for (std::uint64_t* value : {&entry.size_bytes, &entry.packed_bytes, &entry.offset}) {
      if (*value != 0xFFFFFFFFU || next + 8 > field.size()) continue;
      *value = get<std::uint64_t>(field, next);
      next += 8;
    }
  }
}

Result<ZipEntry> parse_row(std::span<const std::byte> rows, std::size_t& at, std::uint64_t archive_bytes) {
  if (at + kDirectoryRowBytes > rows.size() || get<std::uint32_t>(rows, at) != kDirectorySignature) {
    return corrupt("the directory is cut short");
  }
  const std::size_t name_bytes = get<std::uint16_t>(rows, at + 28);
  const std::size_t extra_bytes = get<std::uint16_t>(rows, at + 30);
  const std::size_t comment_bytes = get<std::uint16_t>(rows, at + 32);
  const auto method = get<std::uint16_t>(rows, at + 10);
  const auto flags = get<std::uint16_t>(rows, at + 8);
  ZipEntry entry{"",
                 get<std::uint32_t>(rows, at + 42),
                 get<std::uint32_t>(rows, at + 20),
                 get<std::uint32_t>(rows, at + 24),
                 method == 8,
                 get<std::uint32_t>(rows, at + 16)};
  at += kDirectoryRowBytes;
  if (at + name_bytes + extra_bytes + comment_bytes > rows.size()) return corrupt("the directory is cut short");
  entry.name.assign(reinterpret_cast<const char*>(rows.data() + at), name_bytes);
  read_extra64(rows.subspan(at + name_bytes, extra_bytes), entry);
  at += name_bytes + extra_bytes + comment_bytes;
  if ((flags & 1U) != 0) return Error{Code::kUnsupported, "zip: entry '" + entry.name + "' is encrypted"};
  if (method != 0 && method != 8) {
    return Error{Code::kUnsupported, "zip: entry '" + entry.name + "' uses compression method " +
                                         std::to_string(method) + "; use stored or deflate"};
  }
  const bool fits = entry.offset <= archive_bytes && entry.packed_bytes <= archive_bytes - entry.offset &&
                    (entry.deflated || entry.packed_bytes == entry.size_bytes);
  if (!fits) return corrupt("entry '" + entry.name + "' lies outside the archive");
  if (entry.deflated && entry.size_bytes / kMaxDeflateRatio > entry.packed_bytes) {
    return corrupt("entry '" + entry.name + "' claims to unpack to " + std::to_string(entry.size_bytes) +
                   " bytes, which its " + std::to_string(entry.packed_bytes) + " cannot");
  }
  return entry;
}

class Stream final : public ZipStream {
 public:
  Stream(ReadAt read, ZipEntry entry, std::uint64_t data_at)
      : read_(std::move(read)),
        entry_(std::move(entry)),
        at_(data_at),
        left_packed_(entry_.packed_bytes),
        left_(entry_.size_bytes) {}
  ~Stream() override {
    if (inflating_) inflateEnd(&inflate_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Status start() {
    if (!entry_.deflated) return {};
    inflating_ = inflateInit2(&inflate_, -MAX_WBITS) == Z_OK;
    return inflating_ ? Status() : Error{Code::kExhausted, "zip: no memory to unpack"};
  }

  Status read(std::span<std::byte> to) override {
    if (to.size() > left_) return corrupt("entry '" + entry_.name + "' is shorter than its content says");
    left_ -= to.size();
    RETURN_IF_ERROR(entry_.deflated ? inflate_into(to) : read_stored(to));
    // Of no bytes zlib would begin anew.
    if (!to.empty()) crc_ = crc32_z(crc_, reinterpret_cast<const Bytef*>(to.data()), to.size());
    if (left_ == 0 && crc_ != entry_.crc)
      return corrupt("entry '" + entry_.name + "' has another checksum than the archive says");
    return {};
  }

 private:
  Status read_stored(std::span<std::byte> to) {
    RETURN_IF_ERROR(read_(at_, to));
    at_ += to.size();
    return {};
  }

  Status inflate_into(std::span<std::byte> to) {
    while (!to.empty()) {
      // Used up input is no end yet: zlib may hold back output that did not fit before.
      if (inflate_.avail_in == 0 && left_packed_ > 0) RETURN_IF_ERROR(refill());
      const auto step = static_cast<uInt>(std::min<std::size_t>(to.size(), std::size_t{1} << 30));
      inflate_.next_out = reinterpret_cast<Bytef*>(to.data());
      inflate_.avail_out = step;
      const int code = inflate(&inflate_, Z_NO_FLUSH);
      const std::size_t produced = step - inflate_.avail_out;
      to = to.subspan(produced);
      if (code == Z_STREAM_END && !to.empty())
        return corrupt("entry '" + entry_.name + "' unpacks to fewer bytes than it says");
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return corrupt("entry '" + entry_.name + "' does not unpack");
      const bool stuck = produced == 0 && inflate_.avail_in == 0 && left_packed_ == 0;
      if (stuck && !to.empty()) return corrupt("entry '" + entry_.name + "' is cut short");
    }
    return {};
  }

  Status refill() {
    const std::size_t step = std::min<std::uint64_t>(left_packed_, buffer_.size());
    RETURN_IF_ERROR(read_(at_, std::span(buffer_).first(step)));
    at_ += step;
    left_packed_ -= step;
    inflate_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    inflate_.avail_in = static_cast<uInt>(step);
    return {};
  }

  ReadAt read_;
  ZipEntry entry_;
  std::uint64_t at_;
  std::uint64_t left_packed_;
  std::uint64_t left_;
  uLong crc_ = 0;
  z_stream inflate_{};
  bool inflating_ = false;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(65536);
};

template <class T>
void put(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// The 26 bytes that the local header and the directory row share.
void put_common(std::string& to, std::uint32_t crc, std::uint32_t size, std::size_t name_bytes) {
  put<std::uint16_t>(to, 20);          // version needed
  put<std::uint16_t>(to, 0x0800);      // names are UTF-8
  put<std::uint16_t>(to, 0);           // stored
  put<std::uint32_t>(to, 0x00210000);  // 1980-01-01 00:00: the same bytes every time
  put<std::uint32_t>(to, crc);
  put<std::uint32_t>(to, size);
  put<std::uint32_t>(to, size);
  put<std::uint16_t>(to, static_cast<std::uint16_t>(name_bytes));
  put<std::uint16_t>(to, 0);  // no extra field
}

}  // namespace

ReadAt read_at_memory(std::span<const std::byte> bytes) {
  return [bytes](std::uint64_t offset, std::span<std::byte> to) -> Status {
    if (offset > bytes.size() || to.size() > bytes.size() - offset) return corrupt("reads past its end");
    if (!to.empty()) std::memcpy(to.data(), bytes.data() + offset, to.size());
    return {};
  };
}

Result<std::vector<ZipEntry>> read_zip_directory(const ReadAt& read, std::uint64_t archive_bytes) {
  ASSIGN_OR_RETURN(const Directory directory, find_directory(read, archive_bytes));
  if (directory.count > kMaxZipEntries || directory.size_bytes > kMaxDirectoryBytes) {
    return Error{Code::kExhausted, "zip: more than " + std::to_string(kMaxZipEntries) + " entries"};
  }
  if (directory.offset > archive_bytes || directory.size_bytes > archive_bytes - directory.offset) {
    return corrupt("the directory lies outside the archive");
  }
  std::vector<std::byte> rows(directory.size_bytes);
  RETURN_IF_ERROR(read(directory.offset, rows));
  std::vector<ZipEntry> entries;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    ASSIGN_OR_RETURN(ZipEntry entry, parse_row(rows, at, archive_bytes));
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::unique_ptr<ZipStream>> ZipStream::open(ReadAt read, ZipEntry entry) {
  std::array<std::byte, kLocalBytes> local{};
  RETURN_IF_ERROR(read(entry.offset, local));
  if (get<std::uint32_t>(local, 0) != kLocalSignature) return corrupt("entry '" + entry.name + "' has no header");
  const std::uint64_t data_at =
      entry.offset + kLocalBytes + get<std::uint16_t>(local, 26) + get<std::uint16_t>(local, 28);
  auto stream = std::make_unique<Stream>(std::move(read), std::move(entry), data_at);
  RETURN_IF_ERROR(stream->start());
  return std::unique_ptr<ZipStream>(std::move(stream));
}

void ZipWriter::add(std::string_view name, std::span<const std::byte> content) {
  CHECK(content.size() < 0xFFFFFFFFU && bytes_.size() < 0xFFFFFFFFU);
  const auto size = static_cast<std::uint32_t>(content.size());
  const auto* data = reinterpret_cast<const Bytef*>(content.data());
  const auto crc = static_cast<std::uint32_t>(crc32(0, data, size));
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  put(bytes_, kLocalSignature);
  put_common(bytes_, crc, size, name.size());
  bytes_.append(name);
  bytes_.append(reinterpret_cast<const char*>(content.data()), content.size());

  put(directory_, kDirectorySignature);
  put<std::uint16_t>(directory_, 20);  // version made by
  put_common(directory_, crc, size, name.size());
  put<std::uint16_t>(directory_, 0);  // comment
  put<std::uint16_t>(directory_, 0);  // disk
  put<std::uint16_t>(directory_, 0);  // internal attributes
  put<std::uint32_t>(directory_, 0);  // external attributes
  put(directory_, offset);
  directory_.append(name);
  ++count_;
}

std::string ZipWriter::finish() && {
  const auto offset = static_cast<std::uint32_t>(bytes_.size());
  bytes_ += directory_;
  put(bytes_, kEndSignature);
  put<std::uint32_t>(bytes_, 0);  // disk numbers
  put<std::uint16_t>(bytes_, static_cast<std::uint16_t>(count_));
  put<std::uint16_t>(bytes_, static_cast<std::uint16_t>(count_));
  put(bytes_, static_cast<std::uint32_t>(directory_.size()));
  put(bytes_, offset);
  put<std::uint16_t>(bytes_, 0);  // no comment
  return std::move(bytes_);
}

}  // namespace arete
