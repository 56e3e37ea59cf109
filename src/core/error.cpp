#include "core/error.h"

#include <array>
#include <cstddef>

namespace arete {
namespace {

constexpr std::array<CodeRow, 12> kCodes = {{
    {Code::kInvalid, "invalid", 400, 3, false},
    {Code::kNotFound, "not_found", 404, 3, false},
    {Code::kConflict, "conflict", 409, 4, false},
    {Code::kUnsupported, "unsupported", 415, 3, false},
    {Code::kCorrupt, "corrupt", 400, 3, false},
    {Code::kUntrusted, "untrusted", 403, 3, false},
    {Code::kUnavailable, "unavailable", 503, 4, true},
    {Code::kTimeout, "timeout", 504, 4, true},
    {Code::kExhausted, "exhausted", 413, 3, false},
    {Code::kCancelled, "cancelled", 499, 4, true},
    {Code::kIo, "io", 500, 4, true},
    {Code::kBug, "bug", 500, 5, false},
}};

}  // namespace

const CodeRow& describe(Code code) { return kCodes[static_cast<std::size_t>(code)]; }

std::string to_string(const Error& error) { return std::string(describe(error.code).name) + ": " + error.message; }

}  // namespace arete
