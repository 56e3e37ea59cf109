#include "core/siphash.h"

#include <cstring>
#include <string>

#include "tests/support/assert.h"

namespace arete {
namespace {

// The key of the reference implementation's vectors: bytes 0..15.
const std::array<std::uint64_t, 2> kKey = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::string hex_of(const Hash128& hash) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &hash.low, 8);
  std::memcpy(bytes.data() + 8, &hash.high, 8);
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4U]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15U]);
  }
  return text;
}

// Messages are bytes 0, 1, 2, ...; vectors_sip128 of the reference implementation.
TEST(SipHash, IsThatOfTheReference) {
  std::string message;
  EXPECT_EQ(hex_of(SipHash(kKey).finish()), "a3817f04ba25a8e66df67214c7550293");
  message.push_back('\0');
  EXPECT_EQ(hex_of(SipHash(kKey).add(message).finish()), "da87c1d86b99af44347659119b22fc45");
  for (int i = 1; i < 8; ++i) message.push_back(static_cast<char>(i));
  const std::string whole = hex_of(SipHash(kKey).add(message).finish());
  EXPECT_EQ(hex_of(SipHash(kKey).add(message.substr(0, 3)).add(message.substr(3)).finish()), whole);
}

TEST(SipHash, DependsOnKeyAndBoundaries) {
  EXPECT_NE(SipHash({1, 2}).add("a").finish(), SipHash({1, 3}).add("a").finish());
  EXPECT_NE(SipHash(kKey).add_number(1).add("a").finish(), SipHash(kKey).add("a").add_number(1).finish());
  std::string message(1000, 'x');
  const Hash128 whole = SipHash(kKey).add(message).finish();
  SipHash parts(kKey);
  for (std::size_t at = 0; at < message.size(); at += 7) parts.add(message.substr(at, 7));
  EXPECT_EQ(parts.finish(), whole);
}

}  // namespace
}  // namespace arete
