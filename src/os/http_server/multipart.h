// parse_multipart: the fields of a multipart/form-data body, as views into it.
//
// Input is hostile: time is linear in the body, and parts and headers are bounded. Lines end in
// CRLF, as the standard demands. Not for: nested multiparts, other multipart kinds, streaming.
// Threads: pure. Spec: RFC 7578 (form-data), RFC 2046 section 5.1.1 (boundaries).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace arete::os {

inline constexpr std::size_t kMaxParts = 64;
inline constexpr std::size_t kMaxPartHeadBytes = 8192;
inline constexpr std::size_t kMaxBoundaryBytes = 70;

struct Part {
  std::string name;
  std::string file_name;  // as the client said (any UTF-8, may hold '/'): never a path to open
  bool has_file_name = false;
  std::string content_type;  // "" when the part has none
  std::string_view body;     // borrows from the parsed body
};

// kInvalid: no boundary in `content_type`, a part without a name; kCorrupt: bytes that do not hold
// together (no first or last boundary line); kExhausted: a limit above.
Result<std::vector<Part>> parse_multipart(std::string_view body, std::string_view content_type);

// The value of a parameter of a header field: ("a; b=\"c\"", "b") -> "c"; "" when it is not there.
// `found` (optional) tells an empty value from none.
std::string header_parameter(std::string_view field, std::string_view name, bool* found = nullptr);

}  // namespace arete::os
