// Fuzzes files of grants: any text becomes grants that are written and read as the same ones and open nothing for a key
// they were not made for, or an error with words.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "bundle/grants.h"
#include "core/check.h"

using namespace arete;
using namespace arete::bundle;

namespace {

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Grants> grants = parse_grants({reinterpret_cast<const char*>(data), size});
  if (!grants) {
    check_error(grants.error());
    return 0;
  }
  const std::string text = write_grants(*grants);
  const Result<Grants> again = parse_grants(text);
  CHECK(again.has_value() && write_grants(*again) == text);
  // The key of all zeros: the corpus has a grant to it.
  const Result<ExchangeKey> key = ExchangeKey::of_bytes(Secret());
  const KeyAgreement* const held = &*key;
  const Result<ContentKey> content = find_content_key(grants->about, std::span(&*grants, 1), std::span(&held, 1));
  if (!content) check_error(content.error());
  return 0;
}
