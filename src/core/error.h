// The closed list of error codes and the one table that says what each code means to a caller.
//
// Not for: detail. Detail goes into Error::message, which names the thing that is wrong and,
// where there is one, the fix ("op Gelu at node 17: axis 5 out of range for rank 4").
// Threads: values; share freely once built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace arete {

enum class Code : std::uint8_t {
  kInvalid,      // the caller's input breaks a rule it could have known (bad argument, bad model)
  kNotFound,     // a named thing is not there
  kConflict,     // it clashes with something that is already there (port in use, version pushed)
  kUnsupported,  // valid, but not something this build or engine can do
  kCorrupt,      // bytes that do not decode (truncated file, bad checksum)
  kUntrusted,    // a signature, path or origin that must not be believed
  kUnavailable,  // try again later, or start the thing first
  kTimeout,      // a time limit ran out
  kExhausted,    // a size, count, memory or disk limit was reached
  kCancelled,    // somebody asked to stop
  kIo,           // the operating system said no
  kBug,          // our own mistake
};

// What a code means at each door. One row a code; see error.cpp.
struct CodeRow {
  Code code;
  std::string_view name;
  int http_status;
  int exit_status;  // DESIGN 5: 1 the answer is no, 3 bad input, 4 unavailable, 5 internal
  bool retry;       // true when the same call may succeed later without a change
};

const CodeRow& describe(Code code);

struct Error {
  Code code = Code::kBug;
  std::string message;
};

// "invalid: input 'x' has rank 3, the model wants rank 4"
std::string to_string(const Error& error);

}  // namespace arete
