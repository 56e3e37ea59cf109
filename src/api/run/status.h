// What every function of include/arete/c.h does with errors and arguments: a Status becomes an arete_status, an
// exception stops here, and a NULL or a struct of an unknown size is an error that names it.
//
// Not for: the C++ interface, which is made of the C functions in the headers themselves.
// Threads: pure.
#pragma once

#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "arete/c.h"
#include "core/result.h"

struct arete_status {
  arete::Code code;
  std::string message;
};

namespace arete::api {

// To be freed with arete_status_free; never NULL, also when there is no memory for it.
arete_status* to_status(const Error& error) noexcept;

// NULL or the error of `work`, a function that gives a Status. Nothing is thrown further.
template <class Work>
arete_status* guarded(const Work& work) noexcept {
  try {
    const Status done = work();
    return done ? nullptr : to_status(done.error());
  } catch (const std::bad_alloc&) {
    return to_status({Code::kExhausted, "no memory"});
  } catch (const std::exception& failure) {
    return to_status({Code::kBug, failure.what()});
  } catch (...) {
    return to_status({Code::kBug, "an exception without a text"});
  }
}

// kInvalid "NAME is NULL".
Status check_pointer(const void* pointer, const std::string& name);

inline std::string text_or(const char* text, const char* fallback) { return text == nullptr ? fallback : text; }

// A caller's struct, which may be of an older version of the header: members that it does not have keep `defaults`.
// NULL is all defaults. kInvalid for a struct_size that is none.
template <class Struct>
Result<Struct> read_struct(const Struct* given, const Struct& defaults, const std::string& name) {
  Struct read = defaults;
  if (given == nullptr) return read;
  const std::size_t size = given->struct_size;
  if (size < sizeof(size) || size > sizeof(Struct)) {
    return Error{Code::kInvalid, name + ".struct_size is " + std::to_string(size) +
                                     ", this library (" ARETE_VERSION ") knows " + std::to_string(sizeof(Struct)) +
                                     " bytes; start from the _INIT macro of its own headers"};
  }
  std::memcpy(&read, given, size);
  return read;
}

}  // namespace arete::api
