// Fuzzes JSON and all that a stranger's JSON becomes: a model card, a tensor, a record.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "core/json.h"
#include "core/model_card.h"
#include "media/record/record.h"
#include "serve/tensor_json.h"

using namespace arete;

namespace {

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

// What leaves as text comes back as the same text.
void check_text(const Json& json) {
  const std::string text = json.dump();
  const Result<Json> again = Json::parse(text);
  CHECK(again.has_value() && again->dump() == text);
}

void check_card(const Json& json) {
  const Result<ModelCard> card = parse_card(json);
  if (!card) return check_error(card.error());
  const Result<ModelCard> again = parse_card(to_json(*card));
  CHECK(again.has_value() && to_json(*again).dump() == to_json(*card).dump());
  const Result<Tensor> record = media::record_to_tensor(json, card->input);
  if (!record) check_error(record.error());
}

void check_tensor(const Json& json) {
  for (const DType dtype :
       {DType::kFloat32, DType::kFloat16, DType::kInt64, DType::kUint8, DType::kBool, DType::kString}) {
    const Result<Tensor> tensor = serve::json_to_tensor(json, dtype, "x");
    if (!tensor) {
      check_error(tensor.error());
      continue;
    }
    const Result<Json> written = serve::tensor_to_json(*tensor);
    if (written) check_text(*written);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Json> json = Json::parse({reinterpret_cast<const char*>(data), size}, {1 << 20, 64});
  if (!json) {
    check_error(json.error());
    return 0;
  }
  check_text(*json);
  check_card(*json);
  check_tensor(*json);
  return 0;
}
