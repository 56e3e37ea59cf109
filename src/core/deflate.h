// Deflate in its three wrappings, whole bodies at once: what HTTP calls gzip, deflate and raw deflate.
//
// Input is hostile: output is bounded, and time and memory are linear in what is put out.
// Not for: streams, or zip archives (zip.h). Threads: pure.
// Spec: RFC 1951 (deflate), RFC 1950 (zlib), RFC 1952 (gzip), by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace arete {

enum class Wrapping : std::uint8_t { kGzip, kZlib, kRaw };

// The bytes that `packed` unpacks to. kCorrupt: it does not unpack, is cut short, or has bytes behind its end (gzip may
// have further members); kExhausted: more than max_bytes.
Result<std::string> inflate_bytes(std::string_view packed, Wrapping wrapping, std::size_t max_bytes);

// level: 1 (fast) to 9 (small). kExhausted where there is no memory. Deterministic: gzip's time stamp is 0.
Result<std::string> deflate_bytes(std::string_view bytes, Wrapping wrapping, int level);

}  // namespace arete
