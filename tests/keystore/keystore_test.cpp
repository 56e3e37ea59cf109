#include "os/keystore/keystore.h"

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "os/keystore/folder_lock.h"
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
}

TEST(Keystore, KindsComeBeforePermissionsAndNothingIsWaitedFor) {
  EXPECT_ERROR(read_private_key(testing::TempDir()), Code::kInvalid, "is a folder");
  const std::string fifo = testing::TempDir() + "keystore_test.fifo";
  std::filesystem::remove(fifo);
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0644), 0);
  EXPECT_ERROR(read_private_key(fifo), Code::kInvalid, "no regular file");
  const std::string large = testing::TempDir() + "keystore_large.pem";
  std::ofstream(large) << std::string((std::size_t{1} << 20) + 1, 'x');
  EXPECT_ERROR(read_private_key(large), Code::kExhausted, "keystore_large.pem");
}

TEST(Keystore, APublicKeyIsToldByItsName) {
  const std::string path = testing::TempDir() + "keystore_test.pub";
  std::ofstream(path) << "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n";
  EXPECT_ERROR(read_private_key(path), Code::kInvalid, "is a public key");
}

TEST(FolderLock, OneHoldsItAndTheNextWaits) {
  const std::string folder = testing::TempDir() + "folder_lock_test";
  std::filesystem::create_directories(folder);
  std::atomic<bool> is_ours = false;
  std::jthread other;
  {
    const Result<FolderLock> lock = FolderLock::take(folder);
    ASSERT_OK(lock);
    other = std::jthread([&] {
      const Result<FolderLock> second = FolderLock::take(folder);
      is_ours = second.has_value();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(is_ours);
  }
  other.join();
  EXPECT_TRUE(is_ours);
  EXPECT_ERROR(FolderLock::take(folder + "/no"), Code::kNotFound, "folder_lock_test/no");
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
