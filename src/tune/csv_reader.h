// CsvReader: the rows of a CSV file, one at a time.
//
// Takes commas, semicolons or tabs (whichever the header line has most of), quoted cells with ""
// for a quote and with line breaks in them (a quote inside a bare cell is a letter like others), LF
// and CRLF, a UTF-8 byte order mark. Empty lines are skipped, and so are spaces around cells.
// Not for: what the cells mean.
// Threads: one. Ownership: owns its file. Limits: kMaxCsvRowBytes a row; memory is one row and a
// block of the file. Spec: RFC 4180, and what spreadsheets write beyond it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "os/base/files.h"

namespace arete::tune {

class CsvReader {
 public:
  using Row = std::vector<std::string>;

  // Reads the header line. kCorrupt when there is none, or the file is no UTF-8 text.
  static Result<CsvReader> open(std::unique_ptr<os::ReadableFile> file);

  const Row& header() const { return header_; }
  // The next row, or nothing at the end. kExhausted for a row over the limit, which is skipped.
  // An error of the file itself is returned again by every later call until rewind().
  Result<std::optional<Row>> next();
  // Back to the first row behind the header.
  void rewind();

 private:
  explicit CsvReader(std::unique_ptr<os::ReadableFile> file) : file_(std::move(file)) {}

  Status read_header();
  Result<std::optional<std::string>> read_line();
  Row split(const std::string& line) const;
  int get();  // a byte, or -1 at the end or after an error
  Status refill();

  std::unique_ptr<os::ReadableFile> file_;
  Row header_;
  char separator_ = ',';
  std::uint64_t data_at_ = 0;   // of the first row
  std::uint64_t block_at_ = 0;  // of the block in the file
  std::vector<std::byte> block_;
  std::size_t at_ = 0;  // in the block
  Status failed_;
};

}  // namespace arete::tune
