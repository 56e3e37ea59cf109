// Deltas: an older bundle and a delta are the newer bundle, and nothing else ever comes of them.
#include <algorithm>

#include "bundle/cut.h"
#include "bundle/delta.h"
#include "tests/bundle/bundles.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

using test::bytes_of;
using test::noise;
using test::open;
using test::read;
using test::small_manifest;
using test::view;

// A model of two weights with something between them.
struct Version {
  std::string model;
  std::string golden = noise(6'000, 9);

  explicit Version(const std::string& first, const std::string& second) : model(first + "between" + second) {}
  Draft draft(const std::string& version, std::size_t first, std::size_t second) const {
    Manifest manifest = small_manifest();
    manifest.version = version;
    const std::vector<FileDraft> files = {
        {"int8/m.onnx", cut_at(view(model), {{0, first, "a"}, {first + 7, second, "b"}})},
        {"golden.npz", {{view(golden)}}}};
    return std::move(*Draft::make(manifest, files));
  }
};

std::string delta_of(Contents& older, Contents& newer) {
  std::string bytes;
  CHECK(write_delta(older, newer, test::into(bytes)).has_value());
  return bytes;
}

Result<Patched> patched(Contents& older, const std::string& delta) {
  return Patched::open(older, read_at_memory(view(delta)), delta.size());
}

const std::string kFirst = noise(300'000, 1);
const std::string kSecond = noise(100'000, 2);

TEST(Delta, GivesTheNewerBundle) {
  std::string other = kSecond;
  other[50'000] = static_cast<char>(other[50'000] ^ 1);  // one changed byte: a patch
  const Version before(kFirst, kSecond);
  const Version after(kFirst, other);
  Draft older = before.draft("1.0.0", kFirst.size(), kSecond.size());
  Draft newer = after.draft("1.1.0", kFirst.size(), other.size());
  const std::string delta = delta_of(older, newer);
  EXPECT_LT(delta.size(), 2'000U);
  auto opened = patched(older, delta);
  ASSERT_OK(opened);
  EXPECT_EQ(opened->manifest_text(), newer.manifest_text());
  EXPECT_TRUE(bytes_of(*opened) == bytes_of(newer));
  EXPECT_TRUE(*read(*opened, "int8/m.onnx") == after.model);
}

TEST(Delta, SendsWhatIsNewAsItIs) {
  const std::string retrained = noise(300'000, 3);
  const Version before(kFirst, kSecond);
  const Version after(retrained, kSecond);
  Draft older = before.draft("1.0.0", kFirst.size(), kSecond.size());
  Draft newer = after.draft("1.1.0", retrained.size(), kSecond.size());
  const std::string delta = delta_of(older, newer);
  EXPECT_LT(delta.size(), 300'000 + 2'000U);
  auto opened = patched(older, delta);
  ASSERT_OK(opened);
  EXPECT_TRUE(*read(*opened, "int8/m.onnx") == after.model);
  // Back again: what was dropped is new.
  const std::string back = delta_of(newer, older);
  auto again = patched(newer, back);
  ASSERT_OK(again);
  EXPECT_TRUE(*read(*again, "int8/m.onnx") == before.model);
}

TEST(Delta, OfABundleToItselfIsNearlyNothing) {
  const Version version(kFirst, kSecond);
  Draft same = version.draft("1.0.0", kFirst.size(), kSecond.size());
  Draft again = version.draft("1.0.0", kFirst.size(), kSecond.size());
  const std::string delta = delta_of(same, again);
  EXPECT_LT(delta.size(), 200U);
  auto opened = patched(same, delta);
  ASSERT_OK(opened);
  ASSERT_OK(verify(*opened));
}

TEST(Delta, FitsNoOtherBundle) {
  const Version version(kFirst, kSecond);
  Draft older = version.draft("1.0.0", kFirst.size(), kSecond.size());
  Draft newer = version.draft("1.1.0", kFirst.size(), kSecond.size());
  Draft other = version.draft("0.9.0", kFirst.size(), kSecond.size());
  EXPECT_ERROR(patched(other, delta_of(older, newer)), Code::kConflict, manifest_digest(older).hex());
  const std::string bundle = bytes_of(newer);
  EXPECT_ERROR(patched(older, bundle), Code::kCorrupt, "this is no delta: it is a bundle");
  EXPECT_ERROR(open(delta_of(older, newer)), Code::kCorrupt, "this is no bundle: it is a delta; `arete bundle apply");
}

// What it gives is the newer bundle or nothing.
TEST(Delta, AChangedOrMissingByteNeverGivesAnotherBundle) {
  std::string other = noise(5'000, 4);
  const Version before(kFirst.substr(0, 20'000), kSecond.substr(0, 5'000));
  const Version after(kFirst.substr(0, 20'000), other);
  Draft older = before.draft("1.0.0", 20'000, 5'000);
  Draft newer = after.draft("1.1.0", 20'000, 5'000);
  const std::string good = delta_of(older, newer);
  const auto gives_it = [&](const std::string& delta) {
    auto opened = patched(older, delta);
    if (opened && opened->manifest_text() != newer.manifest_text()) ADD_FAILURE() << "another manifest";
    return opened && verify(*opened);
  };
  ASSERT_TRUE(gives_it(good));
  int changes = 0;
  int seen = 0;
  for (std::size_t at = 0; at < good.size(); at += at < 600 || at + 100 > good.size() ? 1 : 13) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    seen += gives_it(bad) ? 0 : 1;
    ++changes;
  }
  EXPECT_GT(seen, changes - 5);  // zstd's frame has bits that say nothing
  for (std::size_t size = 0; size < good.size(); size += 7) EXPECT_FALSE(gives_it(good.substr(0, size))) << size;
  EXPECT_FALSE(gives_it(good + "x"));
}

TEST(Delta, ADamagedOlderBundleIsSeen) {
  std::string other = kSecond;
  other[7] = static_cast<char>(other[7] ^ 1);
  Draft whole = Version(kFirst, kSecond).draft("1.0.0", kFirst.size(), kSecond.size());
  const std::string bytes = [] {
    const Version version(kFirst, kSecond);
    Draft draft = version.draft("1.0.0", kFirst.size(), kSecond.size());
    return bytes_of(draft);
  }();
  const Version after(kFirst, other);
  Draft newer = after.draft("1.1.0", kFirst.size(), other.size());
  auto good = open(bytes);
  ASSERT_OK(good);
  const std::string delta = delta_of(*good, newer);
  std::string bad = bytes;
  bad[bytes.find(kSecond) + 1'000] ^= 1;
  auto older = open(bad);
  ASSERT_OK(older);
  auto opened = patched(*older, delta);
  ASSERT_OK(opened);
  EXPECT_ERROR(verify(*opened), Code::kCorrupt, "blob");
}

}  // namespace
}  // namespace arete::bundle
