// Certificates made on the spot, and a blocking TLS client, for tests. Threads: one.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace arete::test {

template <auto kFunction>
struct FreeWith {
  template <class T>
  void operator()(T* thing) const {
    kFunction(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;

struct Identity {
  Key key;
  Certificate certificate;

  std::string key_pem() const {
    return text([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  std::string certificate_pem() const {
    return text([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
  }

 private:
  template <class F>
  static std::string text(const F& write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  }
};

// Signed by `issuer`, or by itself as an authority when there is none.
inline Identity make_identity(std::string_view common_name, const Identity* issuer = nullptr) {
  Identity made{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, made.key.get());
  X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(issuer == nullptr ? x : issuer->certificate.get()));
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer == nullptr ? x : issuer->certificate.get(), x, nullptr, nullptr, 0);
  X509_EXTENSION* basic = X509V3_EXT_conf_nid(nullptr, &context, NID_basic_constraints,
                                              issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  X509_add_ext(x, basic, -1);
  X509_EXTENSION_free(basic);
  X509_sign(x, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

// Connects at once; works as far as the handshake did.
class TlsClient {
 public:
  struct Options {
    const Identity* identity = nullptr;
    int max_version = 0;              // 0: the newest
    std::string_view protocols = "";  // in ALPN's own form
  };

  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options{}) {}
  TlsClient(std::uint16_t port, const Options& options)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)), context_(SSL_CTX_new(TLS_client_method())) {
    const timeval limit{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    if (options.max_version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), 0);
      SSL_CTX_set_security_level(context_.get(), 0);
      SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
    }
    if (options.identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.identity->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.identity->key.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
    SSL_set_fd(ssl_.get(), socket_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TlsClient() {
    ssl_.reset();
    ::close(socket_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  int version() const { return SSL_version(ssl_.get()); }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string server_name() const {
    const Certificate shown(SSL_get1_peer_certificate(ssl_.get()));
    std::array<char, 100> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name.data(), name.size());
    return name.data();
  }
  bool send(std::string_view bytes) { return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0; }
  // What comes until the other side ends; clean() then says whether it said so.
  std::string read_all() {
    std::string all;
    std::array<char, 16384> bytes{};
    int got = 0;
    while ((got = SSL_read(ssl_.get(), bytes.data(), bytes.size())) > 0)
      all.append(bytes.data(), static_cast<std::size_t>(got));
    clean_ = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    return all;
  }
  bool clean() const { return clean_; }

 private:
  int socket_;
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
  bool connected_ = false;
  bool clean_ = false;
};

}  // namespace arete::test
