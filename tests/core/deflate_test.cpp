// Bodies packed and unpacked in the three wrappings, whole, cut, broken and too large.
#include "core/deflate.h"

#include <array>

#include "tests/support/assert.h"

namespace arete {
namespace {

constexpr std::array<Wrapping, 3> kAll = {Wrapping::kGzip, Wrapping::kZlib, Wrapping::kRaw};
constexpr std::size_t kLimit = std::size_t{4} << 20;

std::string sample() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919 % 1000) + ",";
  return text;
}

TEST(Deflate, RoundTrips) {
  for (const Wrapping wrapping : kAll) {
    for (const std::string& text : {std::string(), std::string("a"), sample(), std::string(300000, '\0')}) {
      const Result<std::string> packed = deflate_bytes(text, wrapping, 6);
      ASSERT_OK(packed);
      const Result<std::string> plain = inflate_bytes(*packed, wrapping, kLimit);
      ASSERT_OK(plain);
      EXPECT_EQ(*plain, text);
    }
  }
}

TEST(Deflate, BoundsWhatComesOut) {
  for (const Wrapping wrapping : kAll) {
    const Result<std::string> bomb = deflate_bytes(std::string(std::size_t{50} << 20, 'x'), wrapping, 9);
    ASSERT_OK(bomb);
    EXPECT_LT(bomb->size(), 100000U);
    EXPECT_ERROR(inflate_bytes(*bomb, wrapping, kLimit), Code::kExhausted, std::to_string(kLimit));
    const Result<std::string> exact = deflate_bytes(std::string(1000, 'x'), wrapping, 1);
    ASSERT_OK(inflate_bytes(*exact, wrapping, 1000));
    EXPECT_ERROR(inflate_bytes(*exact, wrapping, 999), Code::kExhausted, "999");
  }
}

TEST(Deflate, RefusesBrokenBytes) {
  for (const Wrapping wrapping : kAll) {
    const std::string packed = *deflate_bytes(sample(), wrapping, 6);
    for (std::size_t size = 0; size < packed.size(); size += 97) {
      EXPECT_ERROR(inflate_bytes(packed.substr(0, size), wrapping, kLimit), Code::kCorrupt, "");
    }
    EXPECT_ERROR(inflate_bytes(packed + "x", wrapping, kLimit), Code::kCorrupt, "");
  }
  std::string wrong = *deflate_bytes(sample(), Wrapping::kGzip, 6);
  wrong[wrong.size() - 6] ^= 1;  // the checksum
  EXPECT_ERROR(inflate_bytes(wrong, Wrapping::kGzip, kLimit), Code::kCorrupt, "unpack");
  EXPECT_ERROR(inflate_bytes("no gzip at all", Wrapping::kGzip, kLimit), Code::kCorrupt, "unpack");
}

TEST(Deflate, ReadsGzipOfSeveralMembers) {
  const std::string first = *deflate_bytes("first ", Wrapping::kGzip, 6);
  const std::string second = *deflate_bytes("second", Wrapping::kGzip, 6);
  EXPECT_EQ(*inflate_bytes(first + second, Wrapping::kGzip, kLimit), "first second");
  EXPECT_ERROR(inflate_bytes(first + second, Wrapping::kGzip, 8), Code::kExhausted, "8 bytes");
}

}  // namespace
}  // namespace arete
