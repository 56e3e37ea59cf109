// MoveFunction: a callable that is moved and never copied, so that it may own what it needs (a job, a connection's
// answer). std::move_only_function of C++23, as far as we use it.
//
// Threads: those of what it holds. Ownership: owns its callable.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/check.h"

namespace arete {

template <class Signature>
class MoveFunction;

template <class R, class... Arguments>
class MoveFunction<R(Arguments...)> {
 public:
  MoveFunction() = default;
  template <class Callable>
    requires(!std::same_as<std::remove_cvref_t<Callable>, MoveFunction> && std::invocable<Callable&, Arguments...>)
  MoveFunction(Callable&& callable)  // NOLINT: implicit, as std::function
      : held_(std::make_unique<Held<std::decay_t<Callable>>>(std::forward<Callable>(callable))) {}

  explicit operator bool() const { return held_ != nullptr; }
  // CHECKs that there is something to call.
  R operator()(Arguments... arguments) {
    CHECK(held_ != nullptr);
    return held_->call(std::forward<Arguments>(arguments)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Arguments... arguments) = 0;
  };
  template <class Callable>
  struct Held final : Base {
    template <class From>
    explicit Held(From&& from) : callable(std::forward<From>(from)) {}
    R call(Arguments... arguments) override { return callable(std::forward<Arguments>(arguments)...); }
    Callable callable;
  };

  std::unique_ptr<Base> held_;
};

}  // namespace arete
