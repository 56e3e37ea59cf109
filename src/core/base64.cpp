#include "core/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace arete {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 255;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  values['-'] = values['+'];
  values['_'] = values['/'];
  return values;
}
constexpr std::array<std::uint8_t, 256> kValues = make_values();

bool is_space(char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; }

}  // namespace

Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;  // of bits that wait
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '='; ++at) {
    if (is_space(text[at])) continue;
    const std::uint8_t value = kValues[static_cast<unsigned char>(text[at])];
    if (value == kNone) return Error{Code::kCorrupt, "this is no base64 at byte " + std::to_string(at)};
    bits = (bits << 6U) | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> static_cast<unsigned>(count)) & 255U));
  }
  int padding = 0;
  for (; at < text.size(); ++at) {
    if (text[at] != '=' && !is_space(text[at]))
      return Error{Code::kCorrupt, "this base64 goes on behind its padding at byte " + std::to_string(at)};
    padding += text[at] == '=' ? 1 : 0;
  }
  const bool left_over = (bits & ((1U << static_cast<unsigned>(count)) - 1U)) != 0;
  if (count == 6 || left_over || padding > 2) return Error{Code::kCorrupt, "this base64 ends in the middle of a byte"};
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i)
      bits = (bits << 8U) | (i < have ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text.push_back(i <= have ? kAlphabet[(bits >> (18U - 6U * static_cast<unsigned>(i))) & 63U] : '=');
  }
  return text;
}

}  // namespace arete
