// Tensors as nested JSON lists of numbers, and back.
//
// A list a axis, outermost first; a bare number is a scalar. Integers keep all 64 bits. JSON has no
// NaN and no infinity: they leave as null, and null is refused. float32 and float16 leave as the
// shortest decimal that reads back as the same value.
// Threads: pure functions. Limits: kMaxJsonElements out; in, what the JSON parser let through.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"
#include "core/json.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::serve {

inline constexpr std::int64_t kMaxJsonElements = std::int64_t{1} << 22;

// Nested lists -> tensor of `dtype`, whose shape is that of the lists. `name` is for messages.
// kInvalid naming the element ("input 'x': [0][2] is 300, out of range for uint8") for ragged
// lists, wrong types, numbers that do not fit; a float rounds to the nearest one, an integer is
// exact or refused. kUnsupported for complex, bfloat16, 8-bit floats and sub-byte types.
Result<Tensor> json_to_tensor(const Json& json, DType dtype, std::string_view name);

// Every dtype of json_to_tensor, and bfloat16. kUnsupported for others, kExhausted over the limit.
Result<Json> tensor_to_json(const Tensor& tensor);

// The value rounded to float32, as the number with the shortest text that reads back as that
// float: 0.1F leaves as 0.1, not as 0.10000000149011612. Null when it is not finite.
Json shortest_number(double value);

}  // namespace arete::serve
