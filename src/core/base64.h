// Base64, the standard alphabet and the one for URLs.
//
// Threads: pure. Spec: RFC 4648 sections 4 and 5. White space between groups and missing padding are accepted, as
// people's tools write them.
#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace arete {

// kCorrupt naming the place of a byte that is none of the alphabet, or of bits that are left over.
Result<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace arete
