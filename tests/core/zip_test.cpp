// Archives by hand: claims that do not hold, and round trips.
#include "core/zip.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/npy.h"
#include "tests/support/assert.h"

namespace arete {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string archive_of(std::initializer_list<std::pair<const char*, const char*>> entries) {
  ZipWriter writer;
  for (const auto& [name, content] : entries) writer.add(name, bytes_of(content));
  return std::move(writer).finish();
}

// Where the directory's first row starts.
std::size_t directory_at(const std::string& archive) { return archive.find("PK\x01\x02"); }

void put32(std::string& archive, std::size_t at, std::uint32_t value) { std::memcpy(archive.data() + at, &value, 4); }

void put16(std::string& archive, std::size_t at, std::uint16_t value) { std::memcpy(archive.data() + at, &value, 2); }

Result<std::vector<ZipEntry>> directory(const std::string& archive) {
  return read_zip_directory(read_at_memory(bytes_of(archive)), archive.size());
}

Result<std::string> content(const std::string& archive, std::size_t index) {
  const ReadAt read = read_at_memory(bytes_of(archive));
  ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries, read_zip_directory(read, archive.size()));
  ASSIGN_OR_RETURN(const std::unique_ptr<ZipStream> stream, ZipStream::open(read, entries[index]));
  std::string text(entries[index].size_bytes, '\0');
  RETURN_IF_ERROR(stream->read(std::as_writable_bytes(std::span(text))));
  return text;
}

TEST(Zip, KeepsNamesAndContent) {
  const std::string archive = archive_of({{"a.npy", "first"}, {"é/b", ""}, {"c", "third"}});
  const auto entries = directory(archive);
  ASSERT_OK(entries);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[1].name, "é/b");
  EXPECT_EQ(*content(archive, 0), "first");
  EXPECT_EQ(*content(archive, 1), "");
  EXPECT_EQ(*content(archive, 2), "third");
  EXPECT_EQ(directory(archive_of({}))->size(), 0U);
  // The same bytes every time.
  EXPECT_EQ(archive, archive_of({{"a.npy", "first"}, {"é/b", ""}, {"c", "third"}}));
}

TEST(Zip, FindsTheEndBehindAComment) {
  std::string archive = archive_of({{"a", "text"}});
  put16(archive, archive.size() - 2, 11);
  archive += "PK\x05\x06 trick";
  EXPECT_EQ(*content(archive, 0), "text");
}

TEST(Zip, RefusesWhatIsNoArchive) {
  EXPECT_ERROR(directory(""), Code::kCorrupt, "too short");
  EXPECT_ERROR(directory(std::string(100000, 'x')), Code::kCorrupt, "no end-of-archive");
}

TEST(Zip, RefusesEntriesThatLieOutside) {
  const std::string good = archive_of({{"a", "text"}});
  const std::size_t row = directory_at(good);
  std::string bad = good;
  put32(bad, row + 42, 1U << 30);  // offset
  EXPECT_ERROR(directory(bad), Code::kCorrupt, "outside");
  bad = good;
  put32(bad, row + 20, 1U << 30);  // packed size
  EXPECT_ERROR(directory(bad), Code::kCorrupt, "outside");
  bad = good;
  put32(bad, row + 24, 1U << 30);  // size of a stored entry
  EXPECT_ERROR(directory(bad), Code::kCorrupt, "outside");
  bad = good;
  put32(bad, good.size() - 6, 1U << 30);  // offset of the directory
  EXPECT_ERROR(directory(bad), Code::kCorrupt, "directory lies outside");
  bad = good;
  put16(bad, row + 28, 60000);  // length of the name
  EXPECT_ERROR(directory(bad), Code::kCorrupt, "cut short");
  bad = good;
  put32(bad, 0, 0);  // the local header
  EXPECT_ERROR(content(bad, 0), Code::kCorrupt, "no header");
}

TEST(Zip, RefusesClaimsThatDeflateCannotKeep) {
  std::string bomb = archive_of({{"a", "text"}});
  const std::size_t row = directory_at(bomb);
  put16(bomb, row + 10, 8);           // deflated
  put32(bomb, row + 24, 0xFFFFFFF0);  // 4 GiB out of four bytes
  EXPECT_ERROR(directory(bomb), Code::kCorrupt, "'a' claims");
  EXPECT_ERROR(parse_npz(bytes_of(bomb), std::size_t{1} << 40), Code::kCorrupt, "'a' claims");
}

TEST(Zip, RefusesTooManyEntriesAndArraysThatAreTooLarge) {
  std::string many = archive_of({{"a", "text"}});
  put16(many, many.size() - 12, kMaxZipEntries + 1);
  EXPECT_ERROR(directory(many), Code::kExhausted, "4096");
  put16(many, many.size() - 12, 2);
  EXPECT_ERROR(directory(many), Code::kCorrupt, "cut short");
  EXPECT_ERROR(parse_npz(bytes_of(archive_of({{"a", "123456"}})), 5), Code::kExhausted, "limit of 5");
}

TEST(Zip, RefusesEncryptionAndUnknownMethods) {
  const std::string good = archive_of({{"a", "text"}});
  const std::size_t row = directory_at(good);
  std::string bad = good;
  put16(bad, row + 8, 1);
  EXPECT_ERROR(directory(bad), Code::kUnsupported, "'a' is encrypted");
  bad = good;
  put16(bad, row + 10, 12);
  EXPECT_ERROR(directory(bad), Code::kUnsupported, "method 12");
}

TEST(Zip, NoticesChangedContent) {
  std::string archive = archive_of({{"a", "text"}});
  archive[archive.find("text")] = 'T';
  EXPECT_ERROR(content(archive, 0), Code::kCorrupt, "checksum");
}

TEST(Zip, NeverYieldsMoreThanTheDirectorySays) {
  const std::string archive = archive_of({{"a", "text"}});
  const ReadAt read = read_at_memory(bytes_of(archive));
  const auto entries = directory(archive);
  auto stream = ZipStream::open(read, (*entries)[0]);
  ASSERT_OK(stream);
  std::string five(5, '\0');
  EXPECT_ERROR((*stream)->read(std::as_writable_bytes(std::span(five))), Code::kCorrupt, "shorter");
}

TEST(Zip, PassesOnWhatTheReaderSays) {
  const ReadAt broken = [](std::uint64_t, std::span<std::byte>) -> Status { return Error{Code::kIo, "unplugged"}; };
  EXPECT_ERROR(read_zip_directory(broken, 1000), Code::kIo, "unplugged");
}

}  // namespace
}  // namespace arete
