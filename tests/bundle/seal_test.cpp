// Confidential bundles: the RFC's own example, and who can read what.
#include <algorithm>

#include "bundle/cut.h"
#include "bundle/delta.h"
#include "bundle/grants.h"
#include "bundle/stored_reader.h"
#include "core/hex.h"
#include "tests/bundle/bundles.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

using test::bytes_of;
using test::noise;
using test::open;
using test::small_manifest;
using test::view;

Secret secret_of(std::string_view hex) {
  const std::string bytes = *bytes_from_hex(hex);
  Secret secret;
  std::ranges::copy(std::as_bytes(std::span(bytes)), secret.writable().begin());
  return secret;
}

// RFC 9180, A.2.1: X25519, HKDF-SHA256, ChaCha20-Poly1305, mode base, the first message.
TEST(Hpke, GivesTheBytesOfTheRfc) {
  const auto ephemeral =
      ExchangeKey::of_bytes(secret_of("f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"));
  const auto receiver =
      ExchangeKey::of_bytes(secret_of("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"));
  ASSERT_OK(ephemeral);
  ASSERT_OK(receiver);
  EXPECT_EQ(hex_of(receiver->public_key().bytes), "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
  const std::string message = "Beauty is truth, truth beauty";
  const std::string info = "Ode on a Grecian Urn";
  const auto sealed = hpke_seal(*ephemeral, receiver->public_key(), info, "Count-0", view(message));
  ASSERT_OK(sealed);
  EXPECT_EQ(hex_of(sealed->encapsulated.bytes), "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
  EXPECT_EQ(hex_of(sealed->sealed),
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28");
  std::string opened(message.size(), '\0');
  ASSERT_OK(hpke_open(*receiver, *sealed, info, std::as_writable_bytes(std::span(opened)), "Count-0"));
  EXPECT_EQ(opened, message);
}

TEST(Hpke, OpensForOneKeyAndOnePurpose) {
  const ExchangeKey key = *ExchangeKey::generate();
  const std::string message(32, 'k');
  const HpkeMessage sealed = *hpke_seal(key.public_key(), "purpose", view(message));
  std::string into(32, '\0');
  const auto bytes = std::as_writable_bytes(std::span(into));
  ASSERT_OK(hpke_open(key, sealed, "purpose", bytes));
  EXPECT_EQ(into, message);
  EXPECT_EQ(hpke_open(key, sealed, "another", bytes).error().code, Code::kUntrusted);
  EXPECT_EQ(hpke_open(*ExchangeKey::generate(), sealed, "purpose", bytes).error().code, Code::kUntrusted);
  for (const std::size_t at : {std::size_t{0}, std::size_t{31}, std::size_t{32}, std::size_t{47}}) {
    HpkeMessage changed = sealed;
    changed.sealed[at] ^= std::byte{1};
    EXPECT_EQ(hpke_open(key, changed, "purpose", bytes).error().code, Code::kUntrusted) << at;
  }
}

// Points that give everybody the same secret.
TEST(Hpke, RefusesKeysOfLowOrder) {
  const ExchangeKey key = *ExchangeKey::generate();
  ExchangePublicKey low;
  EXPECT_EQ(key.agree(low).error().code, Code::kUntrusted);
  low.bytes[0] = std::byte{1};
  EXPECT_EQ(key.agree(low).error().code, Code::kUntrusted);
  EXPECT_EQ(hpke_seal(low, "", view("x")).error().code, Code::kUntrusted);
}

TEST(ExchangeKey, TravelsAsPem) {
  const ExchangeKey key = *ExchangeKey::generate();
  const auto again = ExchangeKey::of_pem(key.pem());
  ASSERT_OK(again);
  EXPECT_EQ(again->public_key(), key.public_key());
  const auto other = ExchangePublicKey::of_pem(key.public_key().pem());
  ASSERT_OK(other);
  EXPECT_EQ(*other, key.public_key());
  EXPECT_EQ(ExchangeKey::of_pem(key.public_key().pem()).error().code, Code::kInvalid);
  EXPECT_EQ(ExchangePublicKey::of_pem("no key").error().code, Code::kInvalid);
}

Draft small_draft(const std::string& model, const std::string& version = "1.0.0") {
  Manifest manifest = small_manifest();
  manifest.version = version;
  static const std::string golden = noise(6'000, 9);
  const std::vector<FileDraft> files = {{"int8/m.onnx", cut_at(view(model), {{0, model.size(), "w"}})},
                                        {"golden.npz", {{view(golden)}}}};
  return std::move(*Draft::make(manifest, files));
}

std::string sealed_bytes(Contents& contents, const ContentKey& key) {
  std::string bytes;
  CHECK(write_bundle(contents, test::into(bytes), {}, &key).has_value());
  return bytes;
}

const std::string kModel = noise(50'000, 1) + std::string(50'000, 'z');  // raw and packed parts

TEST(Sealed, SaysTheSameAndIsReadWithItsKeyAlone) {
  Draft draft = small_draft(kModel);
  const ContentKey key = *ContentKey::generate();
  const std::string bytes = sealed_bytes(draft, key);
  auto opened = open(bytes);
  ASSERT_OK(opened);
  EXPECT_TRUE(opened->is_sealed());
  EXPECT_EQ(opened->manifest_text(), draft.manifest_text());
  EXPECT_EQ(verify(*opened).error().code, Code::kUntrusted);
  opened->unseal_with(*ContentKey::generate());
  EXPECT_EQ(verify(*opened).error().code, Code::kUntrusted);
  opened->unseal_with(key);
  ASSERT_OK(verify(*opened));
  EXPECT_TRUE(bytes_of(*opened) == bytes_of(draft));
  // Nothing of the content shows, not even twice in the same form.
  EXPECT_EQ(bytes.find(kModel.substr(0, 64)), std::string::npos);
  EXPECT_NE(bytes, sealed_bytes(draft, key));
}

TEST(Sealed, AnyChangedByteIsNoticed) {
  Draft draft = small_draft(kModel);
  const ContentKey key = *ContentKey::generate();
  const std::string bytes = sealed_bytes(draft, key);
  for (std::size_t at = 48; at < bytes.size(); at += 997) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    auto opened = open(changed);
    if (!opened) continue;
    opened->unseal_with(key);
    EXPECT_FALSE(verify(*opened)) << at;
  }
}

TEST(Sealed, ADeltaIsSealedToo) {
  std::string other = kModel;
  other[70'000] = 'y';
  Draft older = small_draft(kModel);
  Draft newer = small_draft(other, "1.1.0");
  const ContentKey old_key = *ContentKey::generate();
  const ContentKey new_key = *ContentKey::generate();
  const std::string old_bytes = sealed_bytes(older, old_key);
  std::string delta;
  ASSERT_OK(write_delta(older, newer, test::into(delta), {}, &new_key));
  EXPECT_LT(delta.size(), 2'000U);
  auto held = open(old_bytes);
  ASSERT_OK(held);
  held->unseal_with(old_key);
  auto patched = Patched::open(*held, read_at_memory(view(delta)), delta.size());
  ASSERT_OK(patched);
  EXPECT_TRUE(patched->is_sealed());
  EXPECT_EQ(verify(*patched).error().code, Code::kUntrusted);
  patched->unseal_with(new_key);
  ASSERT_OK(verify(*patched));
  const std::string joined = sealed_bytes(*patched, new_key);
  auto again = open(joined);
  ASSERT_OK(again);
  again->unseal_with(new_key);
  EXPECT_TRUE(bytes_of(*again) == bytes_of(newer));
}

TEST(Sealed, ADeltaThatSendsNoBlobSaysThatTheNewerIsSealed) {
  Draft older = small_draft(kModel);
  Draft newer = small_draft(kModel, "1.1.0");
  const ContentKey key = *ContentKey::generate();
  std::string open_delta;
  std::string sealed_delta;
  ASSERT_OK(write_delta(older, newer, test::into(open_delta)));
  ASSERT_OK(write_delta(older, newer, test::into(sealed_delta), {}, &key));
  EXPECT_EQ(open_delta.size(), sealed_delta.size());
  EXPECT_LT(sealed_delta.size(), 2'000U);
  EXPECT_FALSE(Patched::open(older, read_at_memory(view(open_delta)), open_delta.size())->is_sealed());
  auto patched = Patched::open(older, read_at_memory(view(sealed_delta)), sealed_delta.size());
  ASSERT_OK(patched);
  EXPECT_TRUE(patched->is_sealed());
  patched->unseal_with(key);
  auto joined = sealed_bytes(*patched, *patched->content_key());
  auto opened = open(joined);
  ASSERT_OK(opened);
  EXPECT_TRUE(opened->is_sealed());
  opened->unseal_with(key);
  EXPECT_TRUE(bytes_of(*opened) == bytes_of(newer));
}

TEST(Grants, OpenForThoseTheyWereMadeFor) {
  const ExchangeKey device = *ExchangeKey::generate();
  const ExchangeKey stranger = *ExchangeKey::generate();
  const ContentKey content = *ContentKey::generate();
  Grants grants{Grants::Kind::kContent, digest_of(view("manifest")), {}};
  ASSERT_OK(add_grant(grants, content.secret(), {"line 7", device.public_key()}));
  ASSERT_OK(add_grant(grants, content.secret(), {"again", device.public_key()}));
  EXPECT_EQ(grants.grants.size(), 1U);
  const auto read = parse_grants(write_grants(grants));
  ASSERT_OK(read);
  const KeyAgreement* const own = &device;
  const auto found = find_content_key(grants.about, std::span(&*read, 1), std::span(&own, 1));
  ASSERT_OK(found);
  EXPECT_TRUE(std::ranges::equal(found->secret().bytes(), content.secret().bytes()));
  const KeyAgreement* const other = &stranger;
  EXPECT_ERROR(find_content_key(grants.about, std::span(&*read, 1), std::span(&other, 1)), Code::kUntrusted,
               "none of the keys given may open it; it was granted to 'line 7'");
  EXPECT_EQ(find_content_key(digest_of(view("other")), std::span(&*read, 1), std::span(&own, 1)).error().code,
            Code::kNotFound);
  // A grant for one bundle is none for another.
  Grants moved = *read;
  moved.about = digest_of(view("other"));
  EXPECT_EQ(find_content_key(moved.about, std::span(&moved, 1), std::span(&own, 1)).error().code, Code::kUntrusted);
}

TEST(Grants, ReachTheMembersOfGroups) {
  const ExchangeKey device = *ExchangeKey::generate();
  const ExchangeKey hall = *ExchangeKey::generate();
  const ExchangeKey plant = *ExchangeKey::generate();
  const ContentKey content = *ContentKey::generate();
  std::vector<Grants> files(3);
  files[0] = {Grants::Kind::kContent, digest_of(view("manifest")), {}};
  ASSERT_OK(add_grant(files[0], content.secret(), {"plant", plant.public_key()}));
  files[1] = {Grants::Kind::kGroup, plant.public_key().id(), {}};
  ASSERT_OK(add_grant(files[1], plant.bytes(), {"hall", hall.public_key()}));
  files[2] = {Grants::Kind::kGroup, hall.public_key().id(), {}};
  ASSERT_OK(add_grant(files[2], hall.bytes(), {"device", device.public_key()}));
  const KeyAgreement* const own = &device;
  const auto found = find_content_key(files[0].about, files, std::span(&own, 1));
  ASSERT_OK(found);
  EXPECT_TRUE(std::ranges::equal(found->secret().bytes(), content.secret().bytes()));
  EXPECT_EQ(find_content_key(files[0].about, std::span(files).first(2), std::span(&own, 1)).error().code,
            Code::kUntrusted);
  // A member that hands out another key as the group's.
  files[2].grants.clear();
  ASSERT_OK(add_grant(files[2], ExchangeKey::generate()->bytes(), {"device", device.public_key()}));
  EXPECT_EQ(find_content_key(files[0].about, files, std::span(&own, 1)).error().code, Code::kUntrusted);
}

TEST(Grants, WhatDoesNotOpenKeepsNothingElseClosed) {
  const ExchangeKey device = *ExchangeKey::generate();
  const ExchangeKey plant = *ExchangeKey::generate();
  const ContentKey content = *ContentKey::generate();
  const ContentKey other = *ContentKey::generate();
  const Digest manifest = digest_of(view("manifest"));
  std::vector<Grants> files(4);
  files[0] = {Grants::Kind::kGroup, plant.public_key().id(), {}};  // another key as the group's
  ASSERT_OK(add_grant(files[0], ExchangeKey::generate()->bytes(), {"device", device.public_key()}));
  files[1] = {Grants::Kind::kContent, manifest, {}};  // for nobody here
  ASSERT_OK(add_grant(files[1], other.secret(), {"plant", plant.public_key()}));
  files[2] = {Grants::Kind::kContent, manifest, {}};  // changed
  ASSERT_OK(add_grant(files[2], other.secret(), {"device", device.public_key()}));
  files[2].grants[0].message.sealed[0] ^= std::byte{1};
  files[3] = {Grants::Kind::kContent, manifest, {}};
  ASSERT_OK(add_grant(files[3], content.secret(), {"device", device.public_key()}));
  const KeyAgreement* const own = &device;
  const auto found = find_content_key(manifest, files, std::span(&own, 1));
  ASSERT_OK(found);
  EXPECT_TRUE(std::ranges::equal(found->secret().bytes(), content.secret().bytes()));
  EXPECT_ERROR(find_content_key(manifest, std::span(files).first(2), std::span(&own, 1)), Code::kUntrusted,
               "--grants GROUP.grants); a group's grants did not open: the grants of a group hold another key");
  files.push_back(files[2]);
  files[4].grants[0].message.sealed[0] ^= std::byte{1};
  EXPECT_EQ(find_content_keys(manifest, files, std::span(&own, 1))->size(), 2U);
}

TEST(Grants, AreNoTextThatIsAllStructure) {
  const std::string head =
      R"({"format": 1, "kind": "content", "about": ")" + std::string(64, '0') + R"(", "grants": [)";
  std::string lists = "[]";
  for (int i = 0; i < 1'000'000; ++i) lists += ",[]";
  EXPECT_EQ(parse_grants(head + lists + "]}").error().code, Code::kExhausted);
  // Within texts the same characters are none.
  std::string grant = R"({"name": ")" + std::string(kMaxRecipientName, ',') + R"(", "to": ")" + std::string(64, '0') +
                      R"(", "encapsulated": ")" + std::string(64, '0') + R"(", "sealed": ")" + std::string(96, '0') +
                      R"("})";
  std::string many = grant;
  for (int i = 0; i < 5'000; ++i) many += "," + grant;
  ASSERT_OK(parse_grants(head + many + "]}"));
  grant.replace(grant.find(','), 6, R"(\u001b)");
  EXPECT_ERROR(parse_grants(head + grant + "]}"), Code::kInvalid, "control characters");
}

TEST(Grants, BadTextIsNamed) {
  EXPECT_EQ(parse_grants("[").error().code, Code::kCorrupt);
  EXPECT_EQ(parse_grants("{}").error().code, Code::kInvalid);
  EXPECT_EQ(parse_grants(R"({"format": 2})").error().code, Code::kUnsupported);
  EXPECT_EQ(parse_grants(R"({"format": 1, "kind": "all"})").error().code, Code::kUnsupported);
  const std::string about(64, '0');
  const std::string head = R"({"format": 1, "kind": "content", "about": ")" + about + R"(", "grants": )";
  ASSERT_OK(parse_grants(head + "[]}"));
  EXPECT_ERROR(parse_grants(head + "{}}"), Code::kInvalid, "\"grants\" must be a list");
  EXPECT_ERROR(parse_grants(head + R"([{"to": ")" + about + R"(", "encapsulated": "00"}]})"), Code::kInvalid,
               "\"encapsulated\" must be 64 hex digits");
}

}  // namespace
}  // namespace arete::bundle
