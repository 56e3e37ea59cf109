#include "core/batch.h"

#include <algorithm>
#include <cstring>

namespace arete {
namespace {

Status check_rows(const Tensor& tensor) {
  if (tensor.shape().empty()) return Error{Code::kInvalid, "a scalar has no rows"};
  if (bits_of(tensor.dtype()) < 8) {
    return Error{Code::kUnsupported, "no rows of " + std::string(name_of(tensor.dtype())) + " tensors"};
  }
  return {};
}

}  // namespace

Result<Tensor> concat_rows(std::span<const Tensor> parts) {
  if (parts.empty()) return Error{Code::kInvalid, "nothing to join"};
  RETURN_IF_ERROR(check_rows(parts[0]));
  Shape shape = parts[0].shape();
  shape[0] = 0;
  for (const Tensor& part : parts) {
    const bool fits = part.dtype() == parts[0].dtype() && part.shape().size() == shape.size() &&
                      std::equal(shape.begin() + 1, shape.end(), part.shape().begin() + 1);
    if (!fits)
      return Error{Code::kInvalid,
                   "cannot join " + describe(parts[0]) + " and " + describe(part) + " along the first axis"};
    shape[0] += part.shape()[0];
  }
  if (parts.size() == 1) return parts[0];
  ASSIGN_OR_RETURN(Tensor joined, Tensor::zeros(parts[0].dtype(), std::move(shape)));
  std::span<std::byte> to = joined.mutable_bytes();
  std::size_t at = 0;
  for (const Tensor& part : parts) {
    if (part.size_bytes() > 0) std::memcpy(to.data() + at, part.bytes().data(), part.size_bytes());
    at += part.size_bytes();
  }
  return joined;
}

Result<std::vector<NamedTensor>> concat_members(std::span<const std::span<const NamedTensor>> members) {
  std::vector<NamedTensor> joined;
  if (members.empty()) return joined;
  for (std::size_t i = 0; i < members.front().size(); ++i) {
    std::vector<Tensor> parts;
    for (const std::span<const NamedTensor> member : members) {
      if (member.size() != members.front().size())
        return Error{Code::kInvalid, "sets of different numbers of tensors cannot be joined"};
      parts.push_back(member[i].tensor);
    }
    ASSIGN_OR_RETURN(Tensor tensor, concat_rows(parts));
    joined.push_back({members.front()[i].name, std::move(tensor)});
  }
  return joined;
}

Result<Tensor> slice_rows(const Tensor& tensor, std::int64_t begin, std::int64_t count) {
  RETURN_IF_ERROR(check_rows(tensor));
  const std::int64_t rows = tensor.shape()[0];
  if (begin < 0 || count < 0 || count > rows || begin > rows - count) {
    return Error{Code::kInvalid,
                 "rows " + std::to_string(begin) + "+" + std::to_string(count) + " lie outside " + describe(tensor)};
  }
  Shape shape = tensor.shape();
  shape[0] = count;
  ASSIGN_OR_RETURN(Tensor part, Tensor::zeros(tensor.dtype(), std::move(shape)));
  if (part.size_bytes() == 0) return part;
  const std::size_t row_bytes = tensor.size_bytes() / static_cast<std::size_t>(rows);
  std::memcpy(part.mutable_bytes().data(), tensor.bytes().data() + static_cast<std::size_t>(begin) * row_bytes,
              part.size_bytes());
  return part;
}

}  // namespace arete
