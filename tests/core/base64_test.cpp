#include "core/base64.h"

#include "tests/support/assert.h"

namespace arete {
namespace {

TEST(Base64, IsThatOfTheStandard) {
  // RFC 4648, section 10.
  const std::vector<std::pair<std::string, std::string>> rows = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : rows) {
    EXPECT_EQ(encode_base64(bytes), text);
    const Result<std::string> back = decode_base64(text);
    ASSERT_OK(back);
    EXPECT_EQ(*back, bytes);
  }
}

TEST(Base64, EveryByteComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (std::size_t begin = 0; begin < 4; ++begin)
    EXPECT_EQ(*decode_base64(encode_base64(all.substr(begin))), all.substr(begin));
}

TEST(Base64, TakesUrlsLettersLinesAndMissingPadding) {
  EXPECT_EQ(*decode_base64("-_-_"), *decode_base64("+/+/"));
  EXPECT_EQ(*decode_base64("Zm9v\r\nYg"), "foob");
}

TEST(Base64, RefusesWhatIsNone) {
  EXPECT_ERROR(decode_base64("Zm9*"), Code::kCorrupt, "byte 3");
  for (const char* bad : {"Z", "Zh==x", "Zg===", "Zm9vZ", "Zn=="}) EXPECT_FALSE(decode_base64(bad)) << bad;
}

}  // namespace
}  // namespace arete
