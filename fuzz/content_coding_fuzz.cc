// Packed bodies of a hostile client, and what Accept-Encoding may say: output stays bounded, what was packed unpacks.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/deflate.h"
#include "os/http_server/content_coding.h"

namespace {

using namespace arete;

constexpr std::size_t kLimit = 65536;

void check_decode(std::string_view coding, std::string_view body) {
  os::HttpRequest request;
  request.headers.add("Content-Encoding", std::string(coding));
  request.body = std::string(body);
  const Status status = os::decode_body(request, kLimit);
  if (!status) {
    CHECK(status.error().code != Code::kBug && !status.error().message.empty());
    return;
  }
  CHECK(request.body.size() <= kLimit);
  CHECK(request.headers.count("Content-Encoding") == 0);
}

// The bytes as a body, wished for as their own first line says.
void check_encode(std::string_view bytes) {
  os::HttpResponse response;
  response.body = std::string(bytes) + std::string(2000, 'x');
  const std::string plain = response.body;
  os::encode_body(response, bytes.substr(0, bytes.find('\n')));
  if (response.headers.count("Content-Encoding") == 0) {
    CHECK(response.body == plain);
    return;
  }
  os::HttpRequest back;
  back.headers.add("Content-Encoding", std::string(response.headers.get("Content-Encoding")));
  back.body = response.body;
  CHECK(os::decode_body(back, plain.size()).has_value() && back.body == plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string_view coding : {"gzip", "deflate", "identity"}) check_decode(coding, bytes);
  check_decode(bytes.substr(0, bytes.find('\n')), bytes);
  check_encode(bytes);
  return 0;
}
