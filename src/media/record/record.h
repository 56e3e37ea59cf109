// Records into tensors: named numbers (a JSON object) become one row of a float input.
//
// Used by serve (a request's record) and dataset (a row of a CSV) alike.
// Not for: text columns or categories; turn those into numbers first.
// Threads: pure functions. Ownership: none kept. Limits: those of the JSON and of the card.
#pragma once

#include <optional>
#include <span>

#include "core/json.h"
#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::media {

// {"temperature": 21.5, "load": 3} -> float32 [1, fields], in the order of card.fields.
// A field that is absent or null takes its default; other members are ignored. Doubles are rounded
// to float32. kInvalid naming the field: no value and no default, not a number (true and "1" are
// none), not finite or too large for float32; or the card has no fields.
Result<Tensor> record_to_tensor(const Json& record, const InputCard& card);

// The same from values in the order of card.fields; nothing where the record has none.
Result<Tensor> fields_to_tensor(std::span<const std::optional<double>> values, const InputCard& card);

}  // namespace arete::media
