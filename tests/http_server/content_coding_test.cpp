// Bodies that come and go packed.
#include "os/http_server/content_coding.h"

#include "core/deflate.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

HttpRequest packed_request(const std::string& coding, std::string body) {
  HttpRequest request;
  request.headers.add("content-encoding", coding);
  request.body = std::move(body);
  return request;
}

const std::string kText = "{\"a\":[" + std::string(5000, '1') + "]}";

TEST(DecodeBody, TakesWhatClientsSend) {
  const struct {
    std::string coding;
    Wrapping wrapping;
  } rows[] = {{"gzip", Wrapping::kGzip},
              {"GZip", Wrapping::kGzip},
              {" x-gzip ", Wrapping::kGzip},
              {"deflate", Wrapping::kZlib},
              {"deflate", Wrapping::kRaw}};
  for (const auto& row : rows) {
    for (const int level : {1, 6, 9}) {
      HttpRequest request = packed_request(row.coding, *deflate_bytes(kText, row.wrapping, level));
      ASSERT_OK(decode_body(request, kText.size()));
      EXPECT_EQ(request.body, kText);
      EXPECT_EQ(request.headers.count("Content-Encoding"), 0U);
      ASSERT_OK(decode_body(request, 0));  // nothing is packed any more
    }
  }
  for (const char* coding : {"identity", "Identity", ""}) {
    HttpRequest request = packed_request(coding, "plain");
    ASSERT_OK(decode_body(request, 5));
    EXPECT_EQ(request.body, "plain");
  }
}

TEST(DecodeBody, RefusesTheRest) {
  for (const char* coding : {"br", "zstd", "gzip, gzip", "gzip,", "*"}) {
    HttpRequest request = packed_request(coding, "x");
    EXPECT_ERROR(decode_body(request, 100), Code::kUnsupported, "gzip");
  }
  HttpRequest twice = packed_request("gzip", "x");
  twice.headers.add("Content-Encoding", "gzip");
  EXPECT_ERROR(decode_body(twice, 100), Code::kUnsupported, "gzip");
  for (const char* coding : {"gzip", "deflate"}) {
    HttpRequest request = packed_request(coding, "this is not packed");
    EXPECT_ERROR(decode_body(request, 100), Code::kCorrupt, "");
    HttpRequest empty = packed_request(coding, "");
    EXPECT_ERROR(decode_body(empty, 100), Code::kCorrupt, "");
  }
  HttpRequest large = packed_request("identity", "123456");
  EXPECT_ERROR(decode_body(large, 5), Code::kExhausted, "5 bytes");
}

TEST(DecodeBody, StopsBombs) {
  HttpRequest bomb =
      packed_request("gzip", *deflate_bytes(std::string(std::size_t{100} << 20, '\0'), Wrapping::kGzip, 9));
  EXPECT_ERROR(decode_body(bomb, 1 << 20), Code::kExhausted, "1048576");
  EXPECT_EQ(error_response(decode_body(bomb, 1 << 20).error()).status, 413);
}

HttpResponse encoded(std::string_view accept, std::string body = kText, std::string type = "application/json") {
  HttpResponse response;
  response.content_type = std::move(type);
  response.body = std::move(body);
  encode_body(response, accept);
  return response;
}

TEST(EncodeBody, FollowsTheClientsWishes) {
  const struct {
    const char* accept;
    const char* coding;
  } rows[] = {{"gzip", "gzip"},
              {"gzip, deflate, br", "gzip"},
              {"deflate", "deflate"},
              {"deflate;q=1.0, gzip;q=0.5", "deflate"},
              {"GZIP;Q=0.1", "gzip"},
              {"*", "gzip"},
              {"gzip;q=0, *", "x-gzip"},
              {"*;q=0", ""},
              {"gzip;q=0", ""},
              {"identity, gzip;q=0.5", ""},
              {"identity;q=0.5, gzip", "gzip"},
              {"br, zstd", ""},
              {"gzip;q=abc", ""},
              {"gzip;q=7", ""},
              {"", ""},
              {",,;;,", ""}};
  for (const auto& row : rows) {
    const HttpResponse response = encoded(row.accept);
    EXPECT_EQ(response.headers.get("Content-Encoding"), row.coding) << row.accept;
    EXPECT_EQ(response.headers.get("Vary"), "Accept-Encoding") << row.accept;
    EXPECT_EQ(response.body == kText, std::string(row.coding).empty()) << row.accept;
  }
  EXPECT_EQ(*inflate_bytes(encoded("gzip").body, Wrapping::kGzip, 10000), kText);
  EXPECT_EQ(*inflate_bytes(encoded("deflate").body, Wrapping::kZlib, 10000), kText);
}

TEST(EncodeBody, LeavesAloneWhatGainsNothing) {
  EXPECT_EQ(encoded("gzip", std::string(kMinEncodedBytes, 'x')).headers.fields().size(), 0U);
  EXPECT_EQ(encoded("gzip", kText, "image/png").headers.fields().size(), 0U);
  std::string noise;
  for (unsigned i = 0, x = 1; i < 4000; ++i) noise += static_cast<char>((x = x * 1664525U + 1013904223U) >> 24U);
  EXPECT_EQ(encoded("gzip", noise).body, noise);
}

}  // namespace
}  // namespace arete::os
