#include "os/http_server/multipart.h"

#include "tests/support/assert.h"

namespace arete::os {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string part(const std::string& disposition, const std::string& body) {
  return "--XX\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + body + "\r\n";
}

TEST(Multipart, ReadsFieldsAndFiles) {
  const std::string body = "preamble\r\n" + part("name=\"a\"", "1") +
                           "--XX  \r\ncontent-type: image/png\r\nContent-Disposition: form-data; name=image; "
                           "filename=\"b\\\"c/d.png\"\r\n\r\n\r\n\x89PNG\r\n--X\r\n\r\n--XX--\r\nepilogue";
  const auto parts = parse_multipart(body, kType);
  ASSERT_OK(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(parts->at(0).name, "a");
  EXPECT_EQ(parts->at(0).body, "1");
  EXPECT_FALSE(parts->at(0).has_file_name);
  EXPECT_EQ(parts->at(1).name, "image");
  EXPECT_EQ(parts->at(1).file_name, "b\"c/d.png");
  EXPECT_EQ(parts->at(1).content_type, "image/png");
  EXPECT_EQ(parts->at(1).body, "\r\n\x89PNG\r\n--X\r\n");
}

TEST(Multipart, KeepsBytesThatOnlyBeginLikeABoundary) {
  const std::string body = part("name=a", "x\r\n--XXYZ\r\ny\r\n--XX tail\r\nz") + "--XX--";
  const auto parts = parse_multipart(body, kType);
  ASSERT_OK(parts);
  EXPECT_EQ(parts->at(0).body, "x\r\n--XXYZ\r\ny\r\n--XX tail\r\nz");
}

TEST(Multipart, TakesNonAsciiFileNames) {
  const std::string body = part("name=\"image\"; filename=\"fuß 写真.png\"", "x") +
                           part("name=image; filename*=utf-8''fu%C3%9F.png", "y") + "--XX--\r\n";
  const auto parts = parse_multipart(body, kType);
  ASSERT_OK(parts);
  EXPECT_EQ(parts->at(0).file_name, "fuß 写真.png");
  EXPECT_TRUE(parts->at(1).has_file_name);
}

TEST(Multipart, TakesEmptyPartsAndNoParts) {
  const std::string body = part("name=a; filename=\"\"", "") + "--XX--";
  const auto parts = parse_multipart(body, kType);
  ASSERT_OK(parts);
  EXPECT_EQ(parts->at(0).body, "");
  EXPECT_TRUE(parts->at(0).has_file_name);
  const auto none = parse_multipart("--XX--", kType);
  ASSERT_OK(none);
  EXPECT_TRUE(none->empty());
}

TEST(Multipart, RefusesWhatDoesNotHoldTogether) {
  const std::string good = part("name=a", "1");
  EXPECT_ERROR(parse_multipart(good + "--XX--", "multipart/form-data"), Code::kInvalid, "no boundary");
  EXPECT_ERROR(parse_multipart(good, "multipart/form-data; boundary=\"\""), Code::kInvalid, "no boundary");
  EXPECT_ERROR(parse_multipart(good, "multipart/form-data; boundary=" + std::string(71, 'a')), Code::kInvalid, "70");
  EXPECT_ERROR(parse_multipart("", kType), Code::kCorrupt, "does not appear");
  EXPECT_ERROR(parse_multipart("abc", kType), Code::kCorrupt, "does not appear");
  EXPECT_ERROR(parse_multipart(good, kType), Code::kCorrupt, "before the last boundary");
  EXPECT_ERROR(parse_multipart("--XX\r\n\r\nx\r\n--XX--", kType), Code::kInvalid, "no name");
  EXPECT_ERROR(parse_multipart("--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", kType), Code::kInvalid,
               "no name");
  EXPECT_ERROR(parse_multipart("--XX\r\nA: b", kType), Code::kCorrupt, "do not end");
  EXPECT_ERROR(parse_multipart("--XX\r\nA: " + std::string(10000, 'b') + "\r\n\r\n--XX--", kType), Code::kCorrupt,
               "8192");
}

TEST(Multipart, BoundsTheNumberOfParts) {
  std::string body;
  for (std::size_t i = 0; i < kMaxParts; ++i) body += part("name=a", "1");
  ASSERT_OK(parse_multipart(body + "--XX--", kType));
  EXPECT_ERROR(parse_multipart(body + part("name=a", "1") + "--XX--", kType), Code::kExhausted, "64 parts");
}

TEST(Multipart, SurvivesEveryTruncation) {
  const std::string body = "p\r\n" + part("name=\"a\"; filename=\"b\"", "1") + part("name=c", "22") + "--XX--\r\n";
  for (std::size_t length = 0; length < body.size() - 2; ++length) {
    EXPECT_FALSE(parse_multipart(std::string_view(body).substr(0, length), kType)) << length;
  }
}

TEST(Parameter, ReadsTokensAndQuotes) {
  bool found = false;
  EXPECT_EQ(header_parameter("a; b=c ; D=\"e;f\"; g", "d", &found), "e;f");
  EXPECT_EQ(header_parameter("a; b=c ; D=\"e;f\"; g", "b"), "c");
  EXPECT_EQ(header_parameter("a; x; b= \"q\"", "b"), "q");
  EXPECT_EQ(header_parameter("a; b=\"open", "b", &found), "open");
  EXPECT_TRUE(found);
  header_parameter("a; bb=1", "b", &found);
  EXPECT_FALSE(found);
}

}  // namespace
}  // namespace arete::os
