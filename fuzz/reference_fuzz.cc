// Fuzzes drift references: any text is either an error or a reference that obeys every rule, comes back as it was
// written, and whose bins hold what is said of them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "watch/reference.h"

using namespace arete;

namespace {

void look_at(const watch::Distribution& row, std::uint64_t samples) {
  std::uint64_t sum = row.missing;
  for (std::size_t i = 0; i < row.counts.size(); ++i) {
    sum += row.counts[i];
    CHECK(row.counts[i] == 0 || watch::is_counted(row.means[i]));
  }
  CHECK(sum == samples);
  if (row.missing == samples) return;
  CHECK(row.counts[watch::bin_of(row.edges, row.minimum)] > 0);
  CHECK(row.counts[watch::bin_of(row.edges, row.maximum)] > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<watch::Reference> read = watch::parse_reference({reinterpret_cast<const char*>(data), size});
  if (!read) {
    CHECK(!read.error().message.empty() && read.error().code != Code::kBug);
    return 0;
  }
  CHECK(watch::check_reference(*read).has_value());
  for (const watch::Distribution& row : read->features) look_at(row, read->samples);
  for (const watch::Distribution& row : read->outputs) look_at(row, read->samples);
  if (read->confidence) look_at(*read->confidence, read->samples);
  const std::string text = watch::write_reference(*read);
  const Result<watch::Reference> again = watch::parse_reference(text);
  CHECK(again.has_value() && watch::write_reference(*again) == text);
  return 0;
}
