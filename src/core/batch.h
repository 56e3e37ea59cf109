// Joining tensors along their first axis and taking them apart again.
// Bytes are copied, values never change. Sub-byte and string dtypes are kUnsupported.
// Threads: pure.
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"

namespace arete {

// [a,...],[b,...] -> [a+b,...]. kInvalid when dtypes or the other axes differ or a part is a scalar.
Result<Tensor> concat_rows(std::span<const Tensor> parts);

// The same of whole sets of inputs: the first tensors of all members joined, then the second ones, ... under the first
// member's names. kInvalid when members have other numbers of tensors.
Result<std::vector<NamedTensor>> concat_members(std::span<const std::span<const NamedTensor>> members);

// Rows [begin, begin+count) of the first axis. kInvalid outside the tensor.
Result<Tensor> slice_rows(const Tensor& tensor, std::int64_t begin, std::int64_t count);

}  // namespace arete
