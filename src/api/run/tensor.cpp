#include "api/run/tensor.h"

#include <algorithm>
#include <memory>
#include <optional>

namespace arete::api {
namespace {

static_assert(ARETE_FLOAT32 == static_cast<int>(DType::kFloat32) && ARETE_STRING == static_cast<int>(DType::kString));
static_assert(ARETE_BFLOAT16 == static_cast<int>(DType::kBfloat16) && ARETE_INT4 == static_cast<int>(DType::kInt4));
static_assert(ARETE_FLOAT6E3M2 == static_cast<int>(DType::kFloat6E3M2) && kDTypeCount == ARETE_FLOAT6E3M2 + 1);

// What the caller lent, given back when the last tensor that looks at it goes.
class Loan {
 public:
  Loan(void (*release)(void*), void* context) : release_(release), context_(context) {}
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() {
    if (taken_ && release_ != nullptr) release_(context_);
  }
  void take() { taken_ = true; }

 private:
  void (*release_)(void*);
  void* context_;
  bool taken_ = false;  // until then it stays the caller's
};

Result<Shape> read_shape(const std::int64_t* shape, std::size_t rank) {
  if (rank > kMaxRank) {
    return Error{Code::kExhausted,
                 "rank " + std::to_string(rank) + " is over the limit of " + std::to_string(kMaxRank)};
  }
  if (rank > 0) RETURN_IF_ERROR(check_pointer(shape, "shape"));
  return rank == 0 ? Shape() : Shape(shape, shape + rank);
}

Result<DType> read_dtype(arete_dtype number) {
  const std::optional<DType> dtype = dtype_from_onnx(number);
  if (!dtype) return Error{Code::kInvalid, "dtype " + std::to_string(number) + " is none that ONNX defines"};
  if (*dtype == DType::kString)
    return Error{Code::kInvalid, "a string tensor has no bytes; make it with arete_tensor_strings"};
  return *dtype;
}

// Packed bytes of the caller, which stay where they are.
Result<Tensor> wrap(arete_dtype dtype, const std::int64_t* shape, std::size_t rank, SharedBytes bytes) {
  ASSIGN_OR_RETURN(const DType known, read_dtype(dtype));
  ASSIGN_OR_RETURN(Shape sizes, read_shape(shape, rank));
  if (!bytes.view.empty()) RETURN_IF_ERROR(check_pointer(bytes.view.data(), "data"));
  if (known == DType::kBool && std::ranges::any_of(bytes.view, [](std::byte byte) { return byte > std::byte{1}; }))
    return Error{Code::kInvalid, "a byte of a bool tensor is neither 0 nor 1"};
  return Tensor::wrap(known, std::move(sizes), std::move(bytes));
}

std::span<const std::byte> view_of(const void* data, std::size_t size_bytes) {
  return {static_cast<const std::byte*>(data), size_bytes};
}

Status copy_tensor(arete_dtype dtype, const std::int64_t* shape, std::size_t rank, std::span<const std::byte> bytes,
                   arete_tensor** out) {
  ASSIGN_OR_RETURN(Tensor tensor, wrap(dtype, shape, rank, {nullptr, bytes}));
  tensor.mutable_bytes();  // makes them its own
  *out = new arete_tensor{std::move(tensor)};
  return {};
}

Status borrow_tensor(arete_dtype dtype, const std::int64_t* shape, std::size_t rank, std::span<const std::byte> bytes,
                     void (*release)(void*), void* context, arete_tensor** out) {
  const auto loan = std::make_shared<Loan>(release, context);
  ASSIGN_OR_RETURN(Tensor tensor, wrap(dtype, shape, rank, {loan, bytes}));
  *out = new arete_tensor{std::move(tensor), true};
  loan->take();
  return {};
}

Status string_tensor(const std::int64_t* shape, std::size_t rank, const char* const* texts, const std::size_t* lengths,
                     std::size_t count, arete_tensor** out) {
  ASSIGN_OR_RETURN(Shape sizes, read_shape(shape, rank));
  ASSIGN_OR_RETURN(const std::int64_t wanted, element_count(sizes));
  if (static_cast<std::size_t>(wanted) != count) {
    return Error{Code::kInvalid, "string" + to_string(sizes) + " needs " + std::to_string(wanted) + " strings, got " +
                                     std::to_string(count)};
  }
  if (count > 0) RETURN_IF_ERROR(check_pointer(texts, "texts"));
  std::vector<std::string> values;
  for (std::size_t i = 0; i < count; ++i) {
    RETURN_IF_ERROR(check_pointer(texts[i], "texts[" + std::to_string(i) + "]"));
    values.push_back(lengths == nullptr ? std::string(texts[i]) : std::string(texts[i], lengths[i]));
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::of_strings(std::move(sizes), std::move(values)));
  *out = new arete_tensor{std::move(tensor)};
  return {};
}

}  // namespace
}  // namespace arete::api

using arete::Status;
using arete::api::check_pointer;
using arete::api::guarded;

extern "C" {

const char* arete_dtype_name(arete_dtype dtype) noexcept {
  return arete::name_of(arete::dtype_from_onnx(dtype).value_or(arete::DType::kUndefined)).data();
}

arete_status* arete_tensor_copy(arete_dtype dtype, const int64_t* shape, size_t rank, const void* data,
                                size_t size_bytes, arete_tensor** tensor) noexcept {
  return guarded([&]() -> Status {
    RETURN_IF_ERROR(check_pointer(tensor, "tensor"));
    *tensor = nullptr;
    return arete::api::copy_tensor(dtype, shape, rank, arete::api::view_of(data, size_bytes), tensor);
  });
}

arete_status* arete_tensor_borrow(arete_dtype dtype, const int64_t* shape, size_t rank, const void* data,
                                  size_t size_bytes, void (*release)(void*), void* context,
                                  arete_tensor** tensor) noexcept {
  return guarded([&]() -> Status {
    RETURN_IF_ERROR(check_pointer(tensor, "tensor"));
    *tensor = nullptr;
    const auto bytes = arete::api::view_of(data, size_bytes);
    return arete::api::borrow_tensor(dtype, shape, rank, bytes, release, context, tensor);
  });
}

arete_status* arete_tensor_strings(const int64_t* shape, size_t rank, const char* const* texts, const size_t* lengths,
                                   size_t count, arete_tensor** tensor) noexcept {
  return guarded([&]() -> Status {
    RETURN_IF_ERROR(check_pointer(tensor, "tensor"));
    *tensor = nullptr;
    return arete::api::string_tensor(shape, rank, texts, lengths, count, tensor);
  });
}

void arete_tensor_free(arete_tensor* tensor) noexcept { delete tensor; }

arete_dtype arete_tensor_dtype(const arete_tensor* tensor) noexcept {
  return tensor == nullptr ? ARETE_UNDEFINED : static_cast<arete_dtype>(tensor->tensor.dtype());
}

size_t arete_tensor_rank(const arete_tensor* tensor) noexcept {
  return tensor == nullptr ? 0 : tensor->tensor.shape().size();
}

const int64_t* arete_tensor_shape(const arete_tensor* tensor) noexcept {
  return arete_tensor_rank(tensor) == 0 ? nullptr : tensor->tensor.shape().data();
}

size_t arete_tensor_count(const arete_tensor* tensor) noexcept {
  return tensor == nullptr ? 0 : static_cast<size_t>(tensor->tensor.size());
}

const void* arete_tensor_data(const arete_tensor* tensor) noexcept {
  return arete_tensor_size_bytes(tensor) == 0 ? nullptr : tensor->tensor.bytes().data();
}

size_t arete_tensor_size_bytes(const arete_tensor* tensor) noexcept {
  return tensor == nullptr ? 0 : tensor->tensor.size_bytes();
}

const char* arete_tensor_string(const arete_tensor* tensor, size_t index, size_t* length) noexcept {
  if (length != nullptr) *length = 0;
  if (arete_tensor_dtype(tensor) != ARETE_STRING || index >= arete_tensor_count(tensor)) return nullptr;
  const std::string& text = tensor->tensor.strings()[index];
  if (length != nullptr) *length = text.size();
  return text.c_str();
}

}  // extern "C"
