// Publishing: what it refuses before it writes anything. The commands are tested in tests/behaviour/publish_test.py.
#include "bundle/repository/publishing.h"

#include <filesystem>

#include "os/base/files.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

// A folder with one key for everything, and a root that is good until then.
KeyFolder folder_with_root(const std::string& name, std::int64_t expires_s) {
  const std::string path = testing::TempDir() + name;
  std::filesystem::remove_all(path);
  const KeyFolder keys(path);
  const SigningKey key = *SigningKey::generate();
  CHECK(keys.keep("all", key).has_value());
  tuf::RootDraft draft{1, expires_s, {}};
  for (const char* const role : {"root", "targets", "snapshot", "timestamp"})
    draft.roles[role].keys.emplace(key.id(), key.public_json());
  const SigningKey* const signer = &key;
  CHECK(keys.save_root(1, sign_envelope(signed_part(draft), std::span(&signer, 1))->dump()).has_value());
  return keys;
}

TEST(Publishing, ARootPastItsTimeSignsNothing) {
  const KeyFolder keys = folder_with_root("publishing_expired", kNow);
  const std::string repository = testing::TempDir() + "publishing_expired_repository";
  std::filesystem::remove_all(repository);
  EXPECT_ERROR(Publishing::open(repository, keys, kNow), Code::kUntrusted, "is past its time");
  EXPECT_FALSE(std::filesystem::exists(repository));
  ASSERT_OK(Publishing::open(repository, keys, kNow - 1));
}

TEST(Publishing, WhatItRemembersMustBeVersions) {
  const KeyFolder keys = folder_with_root("publishing_memory", kNow + 1000);
  const std::string repository = testing::TempDir() + "publishing_memory_repository";
  for (const char* const text :
       {"[]", R"({"targets": -1, "snapshot": 0, "timestamp": 0, "targets_sha256": ""})",
        R"({"targets": 9223372036854775807, "snapshot": 0, "timestamp": 0, "targets_sha256": ""})"}) {
    ASSERT_OK(os::write_text(os::real_file_system(), keys.at("published.json"), text));
    EXPECT_ERROR(Publishing::open(repository, keys, kNow), Code::kInvalid, "published.json");
  }
}

}  // namespace
}  // namespace arete::bundle
