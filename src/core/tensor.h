// Tensor: a dtype, a shape and its elements as packed row-major bytes.
//
// Copying a Tensor shares its bytes (they are immutable once shared); mutable_bytes() makes them
// this tensor's own first. So a graph with gigabytes of weights is a cheap value to copy.
// Byte order is the host's (little endian; the only one we build for).
// Threads: const use of shared bytes is safe; a Tensor object itself is not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/dtype.h"
#include "core/result.h"
#include "core/shape.h"

namespace arete {

// Read-only bytes and whatever keeps them alive (a vector, a mapped file, a parsed message).
struct SharedBytes {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> view;
};

// Takes a container of bytes (std::string, std::vector<std::byte>) without copying its content.
template <class Container>
SharedBytes share_bytes(Container container) {
  auto owner = std::make_shared<const Container>(std::move(container));
  return {owner, std::as_bytes(std::span(owner->data(), owner->size()))};
}

class Tensor {
 public:
  Tensor() = default;  // undefined dtype, no elements

  // Zero-filled. kInvalid or kExhausted for bad shapes, kUnsupported for kUndefined.
  static Result<Tensor> zeros(DType dtype, Shape shape);
  // Wraps bytes without copying; kInvalid when their length does not fit dtype and shape.
  static Result<Tensor> wrap(DType dtype, Shape shape, SharedBytes bytes);
  // A string tensor; kInvalid when the count does not fit the shape.
  static Result<Tensor> of_strings(Shape shape, std::vector<std::string> values);
  // Copies values; CHECKs that their number fits (for our own code, not for user input).
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values) {
    Result<Tensor> made = zeros(dtype_of<T>(), std::move(shape));
    CHECK(made.has_value() && static_cast<std::size_t>(made->size()) == values.size());
    std::span<T> to = made->template mutable_data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) to[i] = values[i];
    return std::move(*made);
  }
  template <class T>
  static Tensor of(Shape shape, std::initializer_list<T> values) {
    return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return of<T>({}, std::span<const T>(&value, 1));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return size_; }  // elements
  std::size_t size_bytes() const { return bytes_.view.size(); }

  std::span<const std::byte> bytes() const { return bytes_.view; }
  std::span<std::byte> mutable_bytes();  // copies first when the bytes are shared

  // Elements as T; CHECKs that T is this tensor's dtype (test dtype() first for user input).
  // Wrapped bytes may be unaligned for T (a mapped file): then use bytes().
  template <class T>
  std::span<const T> data() const {
    CHECK(dtype_ == dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes_.view.data()), static_cast<std::size_t>(size_)};
  }
  template <class T>
  std::span<T> mutable_data() {
    CHECK(dtype_ == dtype_of<T>());
    return {reinterpret_cast<T*>(mutable_bytes().data()), static_cast<std::size_t>(size_)};
  }
  std::span<const std::string> strings() const;

  // The same elements under another shape; kInvalid when the counts differ.
  Result<Tensor> reshaped(Shape shape) const;

 private:
  DType dtype_ = DType::kUndefined;
  Shape shape_;
  std::int64_t size_ = 0;
  SharedBytes bytes_;
  std::byte* writable_ = nullptr;  // into bytes_, when this class allocated them
  std::shared_ptr<const std::vector<std::string>> strings_;
};

// A tensor under its name: a model's input or output.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// "float32[1,3,224,224]"
std::string describe(const Tensor& tensor);

// Elements as float64, exactly where float64 can. Takes every real dtype of 8 bits and more,
// float16 and bfloat16; kUnsupported for strings, complex, 8-bit floats and sub-byte types.
Result<std::vector<double>> to_doubles(const Tensor& tensor);

// The inverse for float16, bfloat16, float32 and float64 (rounded to nearest even); kUnsupported for
// other dtypes, kInvalid when the count does not fit the shape.
Result<Tensor> from_doubles(DType dtype, Shape shape, std::span<const double> values);

// IEEE 754 binary16 <-> binary32, round to nearest even, NaN and infinities kept.
float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);

}  // namespace arete
