// Fuzzes the reader of text graphs: any text gives a model whose complete text reads back as the same
// model, or an error with words.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "graph/text.h"

using namespace arete;
using namespace arete::graph;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(looks_like_text(text));
  const Result<ReadModel> read = from_text(text);
  if (!read) {
    CHECK(!read.error().message.empty() && read.error().code != Code::kBug);
    return 0;
  }
  const std::string complete = to_text(read->model, {8, true});
  CHECK(looks_like_text(complete));
  const Result<ReadModel> again = from_text(complete);
  CHECK(again.has_value());
  CHECK(to_text(again->model, {8, true}) == complete);
  return 0;
}
