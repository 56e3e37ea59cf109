// Digests and semantic versions against what their specifications print.
#include <algorithm>
#include <vector>

#include "bundle/digest.h"
#include "bundle/semantic_version.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

Digest of_text(std::string_view text) { return digest_of(std::as_bytes(std::span(text))); }

TEST(Digest, EqualsTheStandardsExamples) {
  EXPECT_EQ(of_text("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(of_text("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 parts;
  const std::string million(1000, 'a');
  for (int i = 0; i < 1000; ++i) parts.add(std::as_bytes(std::span(million)));
  EXPECT_EQ(parts.finish().hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(parts.finish(), of_text(""));  // it began anew
}

TEST(Digest, HasOneForm) {
  const Digest digest = of_text("abc");
  const auto again = digest_from_hex(digest.hex());
  ASSERT_OK(again);
  EXPECT_EQ(*again, digest);
  std::string upper = digest.hex();
  std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' ? char(c - 'a' + 'A') : c; });
  EXPECT_ERROR(digest_from_hex(upper), Code::kInvalid, "digits");
  EXPECT_ERROR(digest_from_hex(digest.hex().substr(1)), Code::kInvalid, "64 digits, not 63");
}

TEST(SemanticVersion, GoesInTheOrderOfTheSpecification) {
  const std::vector<std::string> rising = {"0.0.0",         "1.0.0-alpha",
                                           "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                           "1.0.0-beta",    "1.0.0-beta.2",
                                           "1.0.0-beta.11", "1.0.0-rc.1",
                                           "1.0.0",         "1.0.1",
                                           "1.2.0",         "1.10.0",
                                           "2.0.0",         "18446744073709551615.0.0"};
  for (std::size_t i = 0; i < rising.size(); ++i) {
    for (std::size_t j = 0; j < rising.size(); ++j) {
      const auto a = SemanticVersion::parse(rising[i]);
      const auto b = SemanticVersion::parse(rising[j]);
      ASSERT_OK(a);
      ASSERT_OK(b);
      EXPECT_EQ(*a < *b, i < j) << rising[i] << " " << rising[j];
      EXPECT_EQ(*a > *b, i > j) << rising[i] << " " << rising[j];
    }
  }
  EXPECT_TRUE((*SemanticVersion::parse("1.0.0+a") <=> *SemanticVersion::parse("1.0.0+b")) == 0);
}

TEST(SemanticVersion, TakesAndRefusesWhatTheSpecificationDoes) {
  for (const char* good :
       {"0.0.4", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta-valid", "1.0.0-alpha0.valid",
        "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay", "1.0.0-rc.1+build.1", "1.0.0+001",
        "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0-0A.is.legal", "1.0.0-0"})
    EXPECT_TRUE(SemanticVersion::parse(good).has_value()) << good;
  for (const char* bad : {"",
                          "1",
                          "1.2",
                          "1.2.3.4",
                          "01.1.1",
                          "1.01.1",
                          "1.1.01",
                          "1.2.3-",
                          "1.2.3-0123",
                          "1.2.3-0123.0123",
                          "1.1.2+.123",
                          "+invalid",
                          "-invalid",
                          "1.0.0-alpha_beta",
                          "1.0.0-alpha..1",
                          "1.2.31.2",
                          "v1.2.3",
                          "1.2.3+",
                          "1.2.",
                          ".2.3",
                          "1.2.3 ",
                          "99999999999999999999.0.0",
                          "1.2.3-a.",
                          "1..3"})
    EXPECT_ERROR(SemanticVersion::parse(bad), Code::kInvalid, "semantic version");
  EXPECT_ERROR(SemanticVersion::parse(std::string(200, '1')), Code::kInvalid, "semantic version");
}

}  // namespace
}  // namespace arete::bundle
