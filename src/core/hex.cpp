#include "core/hex.h"

namespace arete {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string hex_of(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

Result<std::string> bytes_from_hex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) return Error{Code::kInvalid, "an odd number of hex digits"};
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return Error{Code::kInvalid, "no hex digits"};
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace arete
