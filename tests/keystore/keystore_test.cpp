#include "os/keystore/keystore.h"

#include <sys/stat.h>

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

}  // namespace
}  // namespace arete::os
