// TLS and client certificates, spoken by OpenSSL's own client.
#include "os/http_server/tls.h"

#include "os/http_server/http_server.h"
#include "tests/http_server/certificates.h"
#include "tests/http_server/later.h"
#include "tests/http_server/raw_client.h"
#include "tests/support/assert.h"

namespace arete::os {
namespace {

using test::Identity;
using test::make_identity;
using test::RawClient;
using test::TlsClient;

class TlsTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}, const std::string& client_ca = "") {
    options.tls = TlsOptions{.certificate_pem = server_identity_.certificate_pem() + ca_.certificate_pem(),
                             .key_pem = server_identity_.key_pem(),
                             .client_ca_pem = client_ca};
    const Handler echo = [](const HttpRequest& request) {
      return test::text(request.client + "|" + request.peer + "|" + request.body);
    };
    const Handler large = [](const HttpRequest&) { return test::text(std::string(3000000, 'x')); };
    Result<std::unique_ptr<HttpServer>> made = HttpServer::start(
        options,
        {{.method = "POST", .path = "/echo", .body_limit_bytes = 1000000, .runs_on = RunsOn::kInline, .handler = echo},
         {.method = "GET", .path = "/later", .async = later_.handler()},
         {.method = "GET", .path = "/large", .handler = large},
         {.method = "GET", .path = "/predict", .scope = Scope::kPredict, .handler = echo},
         {.method = "GET", .path = "/admin", .scope = Scope::kAdmin, .handler = echo}});
    ASSERT_OK(made);
    server_ = std::move(*made);
  }
  static std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  }

  const Identity ca_ = make_identity("Test CA");
  const Identity server_identity_ = make_identity("localhost", &ca_);
  test::Later later_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsTest, Answers) {
  start();
  EXPECT_EQ(server_->url(), "https://127.0.0.1:" + std::to_string(server_->port()));
  TlsClient client(server_->port(), {.protocols = "\x02h2\x08http/1.1"});
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.version(), TLS1_3_VERSION);
  EXPECT_EQ(client.protocol(), "http/1.1");
  const std::string body(200000, 'b');
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"));
  ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n"));
  ASSERT_TRUE(client.send(body));
  const std::string answers = client.read_all();
  EXPECT_NE(answers.find("|127.0.0.1|abc"), std::string::npos);
  EXPECT_TRUE(answers.ends_with("|127.0.0.1|" + body));
  EXPECT_TRUE(client.clean());
}

TEST_F(TlsTest, SendsLargeAndLateAnswers) {
  start({.io_threads = 2});
  TlsClient large(server_->port());
  large.send(get("/large"));
  EXPECT_GT(large.read_all().size(), 3000000U);
  TlsClient late(server_->port());
  late.send(get("/later"));
  ASSERT_TRUE(later_.wait_for(1));
  later_.take().second(test::text("at last"));
  EXPECT_TRUE(late.read_all().ends_with("at last"));
}

TEST_F(TlsTest, RefusesOldVersionsAndOtherProtocols) {
  start();
  EXPECT_TRUE(TlsClient(server_->port(), {.max_version = TLS1_2_VERSION}).connected());
  EXPECT_FALSE(TlsClient(server_->port(), {.max_version = TLS1_1_VERSION}).connected());
  EXPECT_FALSE(TlsClient(server_->port(), {.protocols = "\x02h2"}).connected());
}

TEST_F(TlsTest, TellsPlainHttpWhatItMissed) {
  start();
  RawClient plain(server_->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const test::Answer answer = plain.receive();
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("https://"), std::string::npos);
  RawClient garbage(server_->port());
  garbage.send(std::string("\x16\x03\x01\x00\x05hello", 10));
  garbage.send(std::string(100, 'x'));
  garbage.receive();
  TlsClient client(server_->port());
  EXPECT_TRUE(client.connected());
}

TEST_F(TlsTest, EndsHandshakesThatTakeTooLong) {
  start({.handshake_timeout_ms = 200});
  RawClient silent(server_->port()), halting(server_->port());
  halting.send("\x16");
  EXPECT_TRUE(silent.closed());
  halting.finish_sending();
  EXPECT_TRUE(halting.closed());
}

TEST_F(TlsTest, AsksClientsForCertificates) {
  const Identity client_ca = make_identity("Client CA");
  start({}, client_ca.certificate_pem());
  const Identity device = make_identity("device-7", &client_ca);
  TlsClient client(server_->port(), {.identity = &device});
  ASSERT_TRUE(client.connected());
  client.send(get("/predict"));
  EXPECT_TRUE(client.read_all().ends_with("device-7|127.0.0.1|"));
  TlsClient admin(server_->port(), {.identity = &device});
  admin.send(get("/admin"));
  EXPECT_TRUE(admin.read_all().starts_with("HTTP/1.1 403"));
  // TLS 1.3 clients hear of the refusal with their first read.
  TlsClient nobody(server_->port());
  nobody.send(get("/predict"));
  EXPECT_EQ(nobody.read_all(), "");
  const Identity stranger_ca = make_identity("Other CA");
  const Identity stranger = make_identity("device-7", &stranger_ca);
  TlsClient forged(server_->port(), {.identity = &stranger});
  forged.send(get("/predict"));
  EXPECT_EQ(forged.read_all(), "");
}

TEST_F(TlsTest, TakesANewCertificateWhileItRuns) {
  start();
  TlsClient before(server_->port());
  EXPECT_EQ(before.server_name(), "localhost");
  const Identity renewed = make_identity("renewed", &ca_);
  ASSERT_OK(server_->reload_tls({.certificate_pem = renewed.certificate_pem(), .key_pem = renewed.key_pem()}));
  EXPECT_EQ(TlsClient(server_->port()).server_name(), "renewed");
  before.send(get("/large"));
  EXPECT_GT(before.read_all().size(), 3000000U);
  EXPECT_ERROR(server_->reload_tls({.certificate_pem = "x", .key_pem = "x"}), Code::kInvalid, "certificate");
  EXPECT_EQ(TlsClient(server_->port()).server_name(), "renewed");
}

TEST_F(TlsTest, NamesWhatIsWrongWithItsFiles) {
  const std::string certificate = server_identity_.certificate_pem();
  EXPECT_ERROR(TlsIdentity::make({.certificate_pem = "", .key_pem = ""}), Code::kInvalid, "certificate");
  EXPECT_ERROR(TlsIdentity::make({.certificate_pem = certificate, .key_pem = "no"}), Code::kInvalid, "private key");
  EXPECT_ERROR(TlsIdentity::make({.certificate_pem = certificate, .key_pem = ca_.key_pem()}), Code::kInvalid,
               "not that of the certificate");
  EXPECT_ERROR(
      TlsIdentity::make({.certificate_pem = certificate, .key_pem = server_identity_.key_pem(), .client_ca_pem = "no"}),
      Code::kInvalid, "client authority");
  EXPECT_ERROR(HttpServer::start({.tls = TlsOptions{"x", "y"}}, {}), Code::kInvalid, "TLS");
}

}  // namespace
}  // namespace arete::os
