// Fuzzes the CSV reader: any bytes give rows, each at most once, or an error; and the same rows again after rewind().
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/check.h"
#include "os/base/files.h"
#include "tune/csv_reader.h"

using namespace arete;

namespace {

class BytesFile final : public os::ReadableFile {
 public:
  explicit BytesFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Status read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    if (offset > bytes_.size() || to.size() > bytes_.size() - offset) return Error{Code::kCorrupt, "behind the end"};
    std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(offset), to.size()), to.begin());
    return {};
  }

 private:
  std::span<const std::byte> bytes_;
};

std::vector<tune::CsvReader::Row> rows_of(tune::CsvReader& reader, std::size_t most) {
  std::vector<tune::CsvReader::Row> rows;
  while (rows.size() <= most) {
    const Result<std::optional<tune::CsvReader::Row>> row = reader.next();
    if (!row) {
      CHECK(!row.error().message.empty() && row.error().code != Code::kBug);
      return rows;
    }
    if (!*row) return rows;
    CHECK(!(*row)->empty());
    rows.push_back(**row);
  }
  CHECK(false);  // more rows than bytes
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<tune::CsvReader> reader =
      tune::CsvReader::open(std::make_unique<BytesFile>(std::as_bytes(std::span(data, size))));
  if (!reader) {
    CHECK(!reader.error().message.empty() && reader.error().code != Code::kBug);
    return 0;
  }
  const std::vector<tune::CsvReader::Row> rows = rows_of(*reader, size);
  reader->rewind();
  CHECK(rows_of(*reader, size) == rows);
  return 0;
}
