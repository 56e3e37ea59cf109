// Who called, by what gRPC says of them: the rule that only this machine administers a server without keys hangs on it.
#include "serve/grpc/visit.h"

#include <gtest/gtest.h>

#include <string>

#include "core/json.h"

namespace arete::serve {
namespace {

TEST(Visit, ReadsThePeersAddress) {
  EXPECT_EQ(address_of("ipv4:127.0.0.1:5001"), "127.0.0.1");
  EXPECT_EQ(address_of("ipv4:192.0.2.7:1"), "192.0.2.7");
  EXPECT_EQ(address_of("ipv6:%5B::1%5D:5001"), "::1");
  EXPECT_EQ(address_of("ipv6:[2001:db8::7]:5001"), "2001:db8::7");
  EXPECT_EQ(address_of("ipv6:%5Bfe80::1%25eth0%5D:5001"), "fe80::1%25eth0");
  EXPECT_EQ(address_of("ipv6:%5B::ffff:127.0.0.1%5D:5001"), "127.0.0.1");
  EXPECT_EQ(address_of("ipv6:%5B::ffff:192.0.2.7%5D:5001"), "192.0.2.7");
}

TEST(Visit, MakesNoLocalAddressOfWhatIsNone) {
  for (const char* const peer :
       {"", ":", "unknown", "ipv4:", "ipv6:%5B%5D:1", "unix:/127.0.0.1", "vsock:1:2", "127.0.0.1"}) {
    const std::string address = address_of(peer);
    EXPECT_FALSE(address.starts_with("127.") || address == "::1" || address == os::kUnixPeer) << peer;
  }
}

TEST(Outcome, HasAStatusForEachCode) {
  const Error error{Code::kInvalid, "input 'x' is wrong"};
  EXPECT_EQ(outcome_of(error).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(outcome_of(error).status.error_message(), error.message);
  EXPECT_EQ(outcome_of(error).number, 400);
  EXPECT_EQ(outcome_of(Error{Code::kUnsupported, ""}).number, 501);
  EXPECT_EQ(outcome_of(Error{Code::kTimeout, ""}).status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(outcome_of(Error{Code::kBug, ""}).status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(outcome_of(os::error_response(401, "who?")).status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(outcome_of(os::error_response(403, "not you")).status.error_message(), "not you");
}

TEST(Outcome, CutsLongMessagesBetweenLetters) {
  std::string text;
  while (text.size() < 10000) text += "ä";
  for (const char* const before : {"", "x"}) {
    const std::string said = outcome_of(Error{Code::kInvalid, before + text}).status.error_message();
    EXPECT_LT(said.size(), 2100U);
    EXPECT_TRUE(is_utf8(said));
  }
}

}  // namespace
}  // namespace arete::serve
