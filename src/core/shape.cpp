#include "core/shape.h"

namespace arete {

Result<std::int64_t> element_count(std::span<const std::int64_t> shape) {
  if (shape.size() > kMaxRank) {
    return Error{Code::kExhausted,
                 "rank " + std::to_string(shape.size()) + " is over the limit of " + std::to_string(kMaxRank)};
  }
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return Error{Code::kInvalid, "shape " + to_string(shape) + " has a negative size"};
    if (size == 0) {
      empty = true;
      continue;
    }
    if (count > kMaxTensorBytes / size) {
      return Error{Code::kExhausted, "shape " + to_string(shape) + " has more than 2^40 elements"};
    }
    count *= size;
  }
  return empty ? 0 : count;
}

Result<std::size_t> tensor_bytes(DType dtype, std::span<const std::int64_t> shape) {
  ASSIGN_OR_RETURN(const std::int64_t count, element_count(shape));
  if (dtype == DType::kString) return static_cast<std::size_t>(count);
  if (count > kMaxTensorBytes / 16) {
    return Error{Code::kExhausted, "a tensor of shape " + to_string(shape) + " is over the size limit"};
  }
  return packed_bytes(dtype, count);
}

std::string to_string(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ",";
    text += shape[i] == -1 ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

Shape without_trailing_ones(Shape shape) {
  while (shape.size() > 2 && shape.back() == 1) shape.pop_back();
  return shape;
}

}  // namespace arete
