#include "api/run/status.h"

#include <array>
#include <string_view>

namespace arete::api {
namespace {

// Given where there is no memory for another; never freed.
arete_status& no_memory() {
  static arete_status status{Code::kExhausted, "no memory"};
  return status;
}

constexpr int kCodeCount = 12;
arete_code to_c(Code code) { return static_cast<arete_code>(code) + 1; }

static_assert(static_cast<int>(Code::kInvalid) + 1 == ARETE_INVALID);
static_assert(static_cast<int>(Code::kNotFound) + 1 == ARETE_NOT_FOUND);
static_assert(static_cast<int>(Code::kConflict) + 1 == ARETE_CONFLICT);
static_assert(static_cast<int>(Code::kUnsupported) + 1 == ARETE_UNSUPPORTED);
static_assert(static_cast<int>(Code::kCorrupt) + 1 == ARETE_CORRUPT);
static_assert(static_cast<int>(Code::kUntrusted) + 1 == ARETE_UNTRUSTED);
static_assert(static_cast<int>(Code::kUnavailable) + 1 == ARETE_UNAVAILABLE);
static_assert(static_cast<int>(Code::kTimeout) + 1 == ARETE_TIMEOUT);
static_assert(static_cast<int>(Code::kExhausted) + 1 == ARETE_EXHAUSTED);
static_assert(static_cast<int>(Code::kCancelled) + 1 == ARETE_CANCELLED);
static_assert(static_cast<int>(Code::kIo) + 1 == ARETE_IO);
static_assert(static_cast<int>(Code::kBug) + 1 == ARETE_BUG && ARETE_BUG == kCodeCount);

}  // namespace

arete_status* to_status(const Error& error) noexcept {
  try {
    return new arete_status{error.code, error.message};
  } catch (const std::bad_alloc&) {
    return &no_memory();
  }
}

Status check_pointer(const void* pointer, const std::string& name) {
  if (pointer == nullptr) return Error{Code::kInvalid, name + " is NULL"};
  return {};
}

}  // namespace arete::api

using arete::api::no_memory;

extern "C" {

const char* arete_version(void) noexcept { return ARETE_VERSION; }

arete_code arete_status_code(const arete_status* status) noexcept {
  return status == nullptr ? ARETE_OK : arete::api::to_c(status->code);
}

const char* arete_status_message(const arete_status* status) noexcept {
  return status == nullptr ? "" : status->message.c_str();
}

void arete_status_free(arete_status* status) noexcept {
  if (status != &no_memory()) delete status;
}

const char* arete_code_name(arete_code code) noexcept {
  if (code == ARETE_OK) return "ok";
  if (code < 0 || code > arete::api::kCodeCount) return "unknown";
  return arete::describe(static_cast<arete::Code>(code - 1)).name.data();  // of a literal: ends with NUL
}

}  // extern "C"
