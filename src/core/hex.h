// Bytes as hexadecimal digits, and back.
// Threads: pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace arete {

// 0 to 15 of a digit in either case; -1 for what is none.
int hex_digit(char c);
// Two digits a byte, lower case.
std::string hex_of(std::span<const std::byte> bytes);
// "0a1F" -> bytes. kInvalid for an odd number of digits, and for what is none.
Result<std::string> bytes_from_hex(std::string_view text);

}  // namespace arete
