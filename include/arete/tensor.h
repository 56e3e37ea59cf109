// Tensor: a dtype, a shape and elements. What goes into a model and what comes out.
//
//   auto x = arete::Tensor::of<float>({1, 3}, {0.1f, 0.2f, 0.3f});
//   auto y = outputs->front().tensor.values<float>();   // Result: the dtype may be another
//   for (float score : *y) ...
//
// Not for: arithmetic. c.h says how the elements of each dtype lie in memory.
// Threads: a Tensor never changes; copies share its elements and may be used in other threads.
// Ownership: of() takes a vector over, copy() copies bytes, borrow() looks at bytes that somebody else keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "arete/result.h"

namespace arete {
inline namespace v0 {

using Shape = std::vector<std::int64_t>;  // outermost first; empty: one element

enum class DType : std::int32_t {
  kUndefined = ARETE_UNDEFINED,
  kFloat32 = ARETE_FLOAT32,
  kUint8 = ARETE_UINT8,
  kInt8 = ARETE_INT8,
  kUint16 = ARETE_UINT16,
  kInt16 = ARETE_INT16,
  kInt32 = ARETE_INT32,
  kInt64 = ARETE_INT64,
  kString = ARETE_STRING,
  kBool = ARETE_BOOL,
  kFloat16 = ARETE_FLOAT16,
  kFloat64 = ARETE_FLOAT64,
  kUint32 = ARETE_UINT32,
  kUint64 = ARETE_UINT64,
  kComplex64 = ARETE_COMPLEX64,
  kComplex128 = ARETE_COMPLEX128,
  kBfloat16 = ARETE_BFLOAT16,
  kFloat8E4M3FN = ARETE_FLOAT8E4M3FN,
  kFloat8E4M3FNUZ = ARETE_FLOAT8E4M3FNUZ,
  kFloat8E5M2 = ARETE_FLOAT8E5M2,
  kFloat8E5M2FNUZ = ARETE_FLOAT8E5M2FNUZ,
  kUint4 = ARETE_UINT4,
  kInt4 = ARETE_INT4,
  kFloat4E2M1 = ARETE_FLOAT4E2M1,
  kFloat8E8M0 = ARETE_FLOAT8E8M0,
  kUint2 = ARETE_UINT2,
  kInt2 = ARETE_INT2,
  kFloat6E2M3 = ARETE_FLOAT6E2M3,
  kFloat6E3M2 = ARETE_FLOAT6E3M2,
};

inline std::string name_of(DType dtype) { return arete_dtype_name(static_cast<arete_dtype>(dtype)); }

// Elements that C++ has no type for, as their bits.
struct Float16 {
  std::uint16_t bits;
};
struct Bfloat16 {
  std::uint16_t bits;
};

// The dtype of a C++ type; other types do not compile.
template <class T>
inline constexpr DType kDTypeOf = DType::kUndefined;
template <>
inline constexpr DType kDTypeOf<float> = DType::kFloat32;
template <>
inline constexpr DType kDTypeOf<double> = DType::kFloat64;
template <>
inline constexpr DType kDTypeOf<bool> = DType::kBool;
template <>
inline constexpr DType kDTypeOf<std::int8_t> = DType::kInt8;
template <>
inline constexpr DType kDTypeOf<std::int16_t> = DType::kInt16;
template <>
inline constexpr DType kDTypeOf<std::int32_t> = DType::kInt32;
template <>
inline constexpr DType kDTypeOf<std::int64_t> = DType::kInt64;
template <>
inline constexpr DType kDTypeOf<std::uint8_t> = DType::kUint8;
template <>
inline constexpr DType kDTypeOf<std::uint16_t> = DType::kUint16;
template <>
inline constexpr DType kDTypeOf<std::uint32_t> = DType::kUint32;
template <>
inline constexpr DType kDTypeOf<std::uint64_t> = DType::kUint64;
template <>
inline constexpr DType kDTypeOf<Float16> = DType::kFloat16;
template <>
inline constexpr DType kDTypeOf<Bfloat16> = DType::kBfloat16;

// A look at a tensor's elements, for as long as the Tensor or a copy of it lives.
template <class T>
class Elements {
 public:
  Elements(const T* data, std::size_t size) : data_(data), size_(size) {}
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  const T& operator[](std::size_t index) const { return data_[index]; }

 private:
  const T* data_;
  std::size_t size_;
};

class Tensor {
 public:
  Tensor() = default;  // kUndefined, no elements

  // Takes the values over without copying them. kInvalid when their number does not fit the shape.
  template <class T>
  static Result<Tensor> of(const Shape& shape, std::vector<T> values) {
    static_assert(kDTypeOf<T> != DType::kUndefined, "no dtype has this element type");
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no bytes: copy() them");
    auto held = std::make_unique<std::vector<T>>(std::move(values));
    const auto release = [](void* context) { delete static_cast<std::vector<T>*>(context); };
    arete_tensor* made = nullptr;
    arete_status* const status =
        arete_tensor_borrow(static_cast<arete_dtype>(kDTypeOf<T>), shape.data(), shape.size(), held->data(),
                            held->size() * sizeof(T), release, held.get(), &made);
    if (status == nullptr) held.release();
    return take(status, made);
  }

  // Of a copy of packed bytes (c.h says how each dtype lies).
  static Result<Tensor> copy(DType dtype, const Shape& shape, const void* data, std::size_t size_bytes) {
    arete_tensor* made = nullptr;
    arete_status* const status =
        arete_tensor_copy(static_cast<arete_dtype>(dtype), shape.data(), shape.size(), data, size_bytes, &made);
    return take(status, made);
  }

  // Of packed bytes where they lie; they must stay unchanged for as long as this Tensor or a copy of it lives.
  static Result<Tensor> borrow(DType dtype, const Shape& shape, const void* data, std::size_t size_bytes) {
    arete_tensor* made = nullptr;
    arete_status* const status = arete_tensor_borrow(static_cast<arete_dtype>(dtype), shape.data(), shape.size(), data,
                                                     size_bytes, nullptr, nullptr, &made);
    return take(status, made);
  }

  static Result<Tensor> strings(const Shape& shape, const std::vector<std::string>& values) {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string& value : values) {
      texts.push_back(value.data());
      lengths.push_back(value.size());
    }
    arete_tensor* made = nullptr;
    arete_status* const status =
        arete_tensor_strings(shape.data(), shape.size(), texts.data(), lengths.data(), values.size(), &made);
    return take(status, made);
  }

  DType dtype() const { return static_cast<DType>(arete_tensor_dtype(handle_.get())); }
  Shape shape() const {
    const std::int64_t* const sizes = arete_tensor_shape(handle_.get());
    return sizes == nullptr ? Shape() : Shape(sizes, sizes + arete_tensor_rank(handle_.get()));
  }
  std::size_t size() const { return arete_tensor_count(handle_.get()); }  // elements
  const void* data() const { return arete_tensor_data(handle_.get()); }
  std::size_t size_bytes() const { return arete_tensor_size_bytes(handle_.get()); }

  // The elements; kInvalid when T is not their type, or they were borrowed from bytes that are not aligned for it.
  template <class T>
  Result<Elements<T>> values() const {
    static_assert(kDTypeOf<T> != DType::kUndefined, "no dtype has this element type");
    if (dtype() != kDTypeOf<T>)
      return Error{Code::kInvalid, "the tensor is of " + name_of(dtype()) + ", not " + name_of(kDTypeOf<T>)};
    if (reinterpret_cast<std::uintptr_t>(data()) % alignof(T) != 0)
      return Error{Code::kInvalid, "the bytes are not aligned for " + name_of(dtype()) + "; copy them from data()"};
    return Elements<T>(static_cast<const T*>(data()), size());
  }

  // An element of a string tensor, "" where there is none.
  std::string_view string(std::size_t index) const {
    std::size_t length = 0;
    const char* const text = arete_tensor_string(handle_.get(), index, &length);
    return text == nullptr ? std::string_view() : std::string_view(text, length);
  }

  // For calls of c.h, which do not take it over; NULL for an undefined one.
  arete_tensor* handle() const { return handle_.get(); }
  // Takes over what c.h made.
  static Tensor from_handle(arete_tensor* handle) {
    Tensor tensor;
    tensor.handle_ = std::shared_ptr<arete_tensor>(handle, detail::Free());
    return tensor;
  }

 private:
  static Result<Tensor> take(arete_status* status, arete_tensor* made) {
    if (status != nullptr) return detail::take_error(status);
    return from_handle(made);
  }

  std::shared_ptr<arete_tensor> handle_;
};

// A model's input or output under its name.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace v0
}  // namespace arete
