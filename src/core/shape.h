// Shape: the sizes of a tensor, outermost first (row-major, C order), and the checks that keep
// hostile sizes from overflowing.
// Threads: pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/result.h"

namespace arete {

// A concrete shape. Empty means a scalar (one element). A size of 0 is legal (no elements).
// Where a header says "dynamic dims are -1", the same type carries those.
using Shape = std::vector<std::int64_t>;

inline constexpr std::size_t kMaxRank = 64;
// No tensor may be larger than this; 2^40 bytes is past every machine we serve.
inline constexpr std::int64_t kMaxTensorBytes = std::int64_t{1} << 40;

// Number of elements. kInvalid for a negative size, kExhausted past kMaxTensorBytes elements.
Result<std::int64_t> element_count(std::span<const std::int64_t> shape);
// Bytes of a packed tensor (strings count as 1 byte an element). Same errors.
Result<std::size_t> tensor_bytes(DType dtype, std::span<const std::int64_t> shape);

// "[1,3,224,224]"; a dynamic -1 prints as "?".
std::string to_string(std::span<const std::int64_t> shape);

// [N,C,1,1] -> [N,C]: the first two axes always stay.
Shape without_trailing_ones(Shape shape);

}  // namespace arete
