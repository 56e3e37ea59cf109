#include "bundle/cut.h"

#include <algorithm>
#include <utility>

#include "core/zip.h"

namespace arete::bundle {

std::vector<Piece> cut_at(std::span<const std::byte> file, std::vector<Mark> marks) {
  std::ranges::sort(marks, {}, [](const Mark& mark) { return std::pair(mark.offset, mark.bytes); });
  std::vector<Piece> pieces;
  std::uint64_t done = 0;
  for (Mark& mark : marks) {
    const bool fits = mark.offset >= done && mark.offset <= file.size() && mark.bytes <= file.size() - mark.offset;
    if (!fits || mark.bytes < kLeastCutBytes) continue;
    if (mark.offset > done) pieces.push_back({file.subspan(done, mark.offset - done)});
    pieces.push_back({file.subspan(mark.offset, mark.bytes), std::move(mark.tensor)});
    done = mark.offset + mark.bytes;
  }
  if (done < file.size()) pieces.push_back({file.subspan(done)});
  return pieces;
}

std::vector<Mark> marks_of_archive(std::span<const std::byte> file) {
  const Result<std::vector<ZipEntry>> entries = read_zip_directory(read_at_memory(file), file.size());
  if (!entries) return {};
  std::vector<std::uint64_t> starts;
  for (const ZipEntry& entry : *entries) starts.push_back(entry.offset);
  std::ranges::sort(starts);
  std::vector<Mark> marks;
  for (const ZipEntry& entry : *entries) {
    const auto next = std::ranges::upper_bound(starts, entry.offset);
    // The last ends at its own length at the earliest; what is cut beyond is the archive's directory.
    const std::uint64_t end = next == starts.end() ? entry.offset + entry.packed_bytes : *next;
    marks.push_back({entry.offset, end - entry.offset, entry.name});
  }
  return marks;
}

}  // namespace arete::bundle
