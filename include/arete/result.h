// Result<T>: what a call of Arete's C++ interface gives: a value, or an Error with a code and a message.
//
//   arete::Result<arete::Model> model = arete::Model::open("model.onnx");
//   if (!model) return complain(model.error().message);
//   model->run(...);
//
// Not for: exceptions; nothing here throws but std::bad_alloc. Asking a failed Result for its value is the caller's
// bug: it prints the error and ends the process. Threads: values. The C++ interface is C++17, all in these headers,
// over the C functions of c.h: a library built by another compiler will do.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "arete/c.h"

namespace arete {
inline namespace v0 {

enum class Code : std::int32_t {
  kInvalid = ARETE_INVALID,
  kNotFound = ARETE_NOT_FOUND,
  kConflict = ARETE_CONFLICT,
  kUnsupported = ARETE_UNSUPPORTED,
  kCorrupt = ARETE_CORRUPT,
  kUntrusted = ARETE_UNTRUSTED,
  kUnavailable = ARETE_UNAVAILABLE,
  kTimeout = ARETE_TIMEOUT,
  kExhausted = ARETE_EXHAUSTED,
  kCancelled = ARETE_CANCELLED,
  kIo = ARETE_IO,
  kBug = ARETE_BUG,
};

inline std::string name_of(Code code) { return arete_code_name(static_cast<arete_code>(code)); }

struct Error {
  Code code = Code::kBug;
  std::string message;  // what is wrong with what, and where there is one the fix
};

// The loaded library's version; the headers' own is ARETE_VERSION.
inline std::string version() { return arete_version(); }

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(*checked()); }
  T& operator*() & { return *checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    static const Error kNone{Code::kBug, "no error: this Result has its value"};
    return has_value() ? kNone : *std::get_if<1>(&state_);
  }

 private:
  T* checked() {
    if (has_value()) return std::get_if<0>(&state_);
    std::fprintf(stderr, "arete: value of a failed Result: %s\n", error().message.c_str());
    std::abort();
  }

  std::variant<T, Error> state_;
};

namespace detail {

struct Free {
  void operator()(arete_status* status) const { arete_status_free(status); }
  void operator()(arete_tensor* tensor) const { arete_tensor_free(tensor); }
  void operator()(arete_model* model) const { arete_model_free(model); }
};

// Takes a status that is not NULL.
inline Error take_error(arete_status* status) {
  const std::unique_ptr<arete_status, Free> owned(status);
  return {static_cast<Code>(arete_status_code(status)), arete_status_message(status)};
}

}  // namespace detail
}  // namespace v0
}  // namespace arete
