#include "tune/csv_reader.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/json.h"
#include "tune/dataset.h"

namespace arete::tune {
namespace {

constexpr std::size_t kBlockBytes = 65536;
constexpr std::string_view kSeparators = ",;\t";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Where in a row we are, as far as quotes go.
enum class Place : std::uint8_t { kCellStart, kBare, kQuoted, kQuoteInQuoted };

// The place behind `c`. Quotes mean something only at the start of a cell.
Place step(Place place, char c, std::string_view separators) {
  if (place == Place::kQuoted) return c == '"' ? Place::kQuoteInQuoted : Place::kQuoted;
  if (place == Place::kQuoteInQuoted && c == '"') return Place::kQuoted;
  if (separators.find(c) != std::string_view::npos) return Place::kCellStart;
  if (place != Place::kCellStart) return Place::kBare;
  if (c == '"') return Place::kQuoted;
  return c == ' ' ? Place::kCellStart : Place::kBare;
}

// The separator that the line has most of outside quotes; a comma when it has none.
char find_separator(std::string_view line) {
  std::array<std::size_t, 3> counts{};
  Place place = Place::kCellStart;
  for (const char c : line) {
    place = step(place, c, kSeparators);
    const std::size_t which = kSeparators.find(c);
    if (place == Place::kCellStart && which != std::string_view::npos) ++counts[which];
  }
  return kSeparators[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
}

// A cell that begins with a quote ends at the next lone one; "" inside stands for one quote.
std::string unquote(std::string_view cell) {
  std::string text;
  for (std::size_t i = 1; i < cell.size(); ++i) {
    if (cell[i] != '"') {
      text += cell[i];
      continue;
    }
    if (i + 1 >= cell.size() || cell[i + 1] != '"') break;
    text += cell[i++];
  }
  return text;
}

}  // namespace

Result<CsvReader> CsvReader::open(std::unique_ptr<os::ReadableFile> file) {
  CsvReader reader(std::move(file));
  RETURN_IF_ERROR(reader.read_header());
  return reader;
}

Status CsvReader::read_header() {
  ASSIGN_OR_RETURN(std::optional<std::string> line, read_line());
  if (!line) return Error{Code::kCorrupt, "the file is empty: its first line must name the columns"};
  if (line->starts_with(kByteOrderMark)) line->erase(0, kByteOrderMark.size());
  if (line->find('\0') != std::string::npos || !is_utf8(*line))
    return Error{Code::kCorrupt, "the file is no UTF-8 text; save it as CSV in UTF-8"};
  separator_ = find_separator(*line);
  header_ = split(*line);
  data_at_ = block_at_ + at_;
  return {};
}

void CsvReader::rewind() {
  block_.clear();
  at_ = 0;
  block_at_ = data_at_;
  failed_ = {};
}

Result<std::optional<CsvReader::Row>> CsvReader::next() {
  ASSIGN_OR_RETURN(const std::optional<std::string> line, read_line());
  if (!line) return std::optional<Row>();
  return std::optional<Row>(split(*line));
}

// A line with something in it, or nothing at the end. Line breaks inside quotes belong to it.
Result<std::optional<std::string>> CsvReader::read_line() {
  const std::string_view separators = header_.empty() ? kSeparators : std::string_view(&separator_, 1);
  std::string line;
  std::size_t size_bytes = 0;
  Place place = Place::kCellStart;
  for (int c = get(); c >= 0; c = get()) {
    const bool ends = c == '\n' && (place != Place::kQuoted || size_bytes > kMaxCsvRowBytes);
    if (ends && (!trim(line).empty() || size_bytes > kMaxCsvRowBytes)) break;
    place = ends ? Place::kCellStart : step(place, static_cast<char>(c), separators);
    if (ends) {
      line.clear();
      size_bytes = 0;
    }
    if (!ends && ++size_bytes <= kMaxCsvRowBytes) line += static_cast<char>(c);
  }
  RETURN_IF_ERROR(failed_);
  if (size_bytes > kMaxCsvRowBytes) {
    return Error{Code::kExhausted,
                 "a row is over " + std::to_string(kMaxCsvRowBytes >> 20) + " MiB (is a quote never closed?)"};
  }
  if (trim(line).empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(line));
}

CsvReader::Row CsvReader::split(const std::string& line) const {
  const std::string_view separator(&separator_, 1);
  Row cells;
  Place place = Place::kCellStart;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size()) place = step(place, line[i], separator);
    const bool ends = i == line.size() || (place == Place::kCellStart && line[i] == separator_);
    if (!ends) continue;
    const std::string_view cell = trim(std::string_view(line).substr(start, i - start));
    cells.push_back(cell.starts_with('"') ? unquote(cell) : std::string(cell));
    start = i + 1;
  }
  return cells;
}

int CsvReader::get() {
  if (at_ == block_.size()) failed_ = refill();
  if (!failed_ || at_ == block_.size()) return -1;
  return std::to_integer<int>(block_[at_++]);
}

Status CsvReader::refill() {
  block_at_ += block_.size();
  at_ = 0;
  const std::uint64_t left = file_->size_bytes() - std::min(block_at_, file_->size_bytes());
  block_.resize(std::min<std::uint64_t>(left, kBlockBytes));
  Status read = file_->read_at(block_at_, block_);
  if (!read) block_.clear();
  return read;
}

}  // namespace arete::tune
