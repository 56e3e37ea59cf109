// Result<T>: a value or an Error, with the member names of std::expected (C++23).
//
// Our own class and not an alias, because an alias cannot be [[nodiscard]].
// Not for: bugs (CHECK) or for control flow between functions of one file.
// Threads: a value. Ownership: holds its T.
//
//   Result<int> parse(std::string_view text);
//   ASSIGN_OR_RETURN(const int n, parse(text));
//   RETURN_IF_ERROR(write(n));
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "core/check.h"
#include "core/error.h"

namespace arete {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }

  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(other));
  }

 private:
  T& checked() {
    CHECK(has_value());
    return std::get<0>(state_);
  }

  std::variant<T, Error> state_;
};

// Done, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit

  bool has_value() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const& {
    CHECK(!ok_);
    return error_;
  }
  Error&& error() && {
    CHECK(!ok_);
    return std::move(error_);
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

// The same error, with where it happened in front: "model.onnx: <message>".
inline Error with_context(Error error, const std::string& context) {
  error.message = context + ": " + error.message;
  return error;
}

}  // namespace arete

#define ARETE_CONCAT_INNER(a, b) a##b
#define ARETE_CONCAT(a, b) ARETE_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                          \
  do {                                                                       \
    if (auto status_or_error = (expression); !status_or_error.has_value()) { \
      return std::move(status_or_error).error();                             \
    }                                                                        \
  } while (false)

#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_AS(ARETE_CONCAT(result_, __LINE__), declaration, expression)

#define ASSIGN_OR_RETURN_AS(name, declaration, expression) \
  auto name = (expression);                                \
  if (!name.has_value()) return std::move(name).error();   \
  declaration = std::move(name).value()
