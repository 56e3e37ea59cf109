#include "os/keystore/keystore.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/assert.h"

namespace arete::os {
namespace {

TEST(Keystore, ReadsAKeyThatNobodyElseMayRead) {
  const std::string path = testing::TempDir() + "keystore_test.pem";
  std::ofstream(path) << "secret";
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const Result<std::string> key = read_private_key(path);
  ASSERT_OK(key);
  EXPECT_EQ(*key, "secret");
  for (const mode_t mode : {0640, 0604, 0610}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_ERROR(read_private_key(path), Code::kUntrusted, "chmod 600");
  }
  EXPECT_ERROR(read_private_key(path + ".no"), Code::kNotFound, "keystore_test.pem.no");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_FALSE(read_private_key(testing::TempDir()));
}

TEST(Keystore, WritesAKeyOnceForItsOwnerAlone) {
  const std::string path = testing::TempDir() + "keystore_new.pem";
  std::filesystem::remove(path);
  std::ofstream(path + ".new") << "of a process that was killed";
  ASSERT_OK(write_private_key(path, "secret"));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(*read_private_key(path), "secret");
  EXPECT_ERROR(write_private_key(path, "other"), Code::kConflict, "keystore_new.pem");
  EXPECT_EQ(*read_private_key(path), "secret");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  EXPECT_ERROR(write_private_key(testing::TempDir() + "no/such/folder.pem", "x"), Code::kIo, "folder.pem");
}

}  // namespace
}  // namespace arete::os
