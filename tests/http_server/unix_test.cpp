// A server at a Unix socket: beside TCP or alone, over the file of a dead server, beside a live one.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "os/http_server/http_server.h"
#include "tests/http_server/later.h"
#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using test::RawClient;

class UnixTest : public testing::Test {
 protected:
  UnixTest() : folder_(testing::TempDir() + "arete_unix_" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/s.sock";
  }
  ~UnixTest() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<HttpServer>> start(bool listen_tcp) const {
    return HttpServer::start(
        {.listen_tcp = listen_tcp, .unix_path = path_},
        {{.method = "GET", .path = "/peer", .runs_on = RunsOn::kInline, .handler = [](const HttpRequest& request) {
            return test::text(request.peer);
          }}});
  }
  static std::string ask(RawClient& client) {
    client.send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.receive().body;
  }

  std::string folder_;
  std::string path_;
};

TEST_F(UnixTest, ListensBesideTcp) {
  const auto server = start(true);
  ASSERT_OK(server);
  RawClient local(path_), tcp((*server)->port());
  EXPECT_EQ(ask(local), "unix");
  EXPECT_EQ(ask(tcp), "127.0.0.1");
  EXPECT_EQ((*server)->url().substr(0, 7), "http://");
}

TEST_F(UnixTest, ListensAloneForItsUser) {
  const auto server = start(false);
  ASSERT_OK(server);
  EXPECT_EQ((*server)->port(), 0);
  EXPECT_EQ((*server)->url(), "unix:" + path_);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  RawClient client(path_);
  EXPECT_EQ(ask(client), "unix");
  (*server)->stop(1000);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(RawClient(path_).connected());
}

TEST_F(UnixTest, ReplacesWhatADeadServerLeft) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(dead);
  const auto server = start(false);
  ASSERT_OK(server);
  RawClient client(path_);
  EXPECT_EQ(ask(client), "unix");
}

TEST_F(UnixTest, LeavesALiveServerAlone) {
  const auto first = start(false);
  ASSERT_OK(first);
  EXPECT_ERROR(start(false), Code::kConflict, path_);
  RawClient client(path_);
  EXPECT_EQ(ask(client), "unix");
}

TEST_F(UnixTest, LeavesOtherFilesAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_ERROR(start(false), Code::kInvalid, "no socket");
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
  path_ += std::string(200, 'x');
  EXPECT_ERROR(start(false), Code::kInvalid, "107 bytes");
}

TEST_F(UnixTest, DoesNotRemoveTheSocketOfItsSuccessor) {
  auto first = start(false);
  ASSERT_OK(first);
  std::filesystem::remove(path_);
  const auto second = start(false);
  ASSERT_OK(second);
  (*first)->stop(1000);
  RawClient client(path_);
  EXPECT_EQ(ask(client), "unix");
}

TEST(Start, MustListenSomewhere) {
  EXPECT_ERROR(HttpServer::start({.listen_tcp = false}, {}), Code::kInvalid, "nowhere");
}

}  // namespace
}  // namespace arete::os
