#include "os/http_server/tls.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace arete::os {
namespace {

constexpr std::string_view kProtocol = "http/1.1";
constexpr std::string_view kSessionContext = "arete";
constexpr std::size_t kMaxNameBytes = 64;  // X.520's limit of a common name
constexpr int kMaxChain = 16;

template <auto kFunction>
struct FreeWith {
  template <class T>
  void operator()(T* thing) const {
    kFunction(thing);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

Error failed(const std::string& what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_peek_last_error(), reason.data(), reason.size());
  ERR_clear_error();
  return {Code::kInvalid, "TLS: " + what + " (" + reason.data() + ")"};
}

Bio bio_of(const std::string& bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

// OpenSSL would ask the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

Certificate next_certificate(const Bio& pem) {
  return Certificate(PEM_read_bio_X509(pem.get(), nullptr, no_password, nullptr));
}

Status use_certificate(SSL_CTX* context, const std::string& pem) {
  const Bio bio = bio_of(pem);
  const Certificate first = next_certificate(bio);
  if (!first || SSL_CTX_use_certificate(context, first.get()) != 1) return failed("the certificate is no PEM");
  for (int i = 0; i < kMaxChain; ++i) {
    const Certificate more = next_certificate(bio);
    if (!more) break;
    if (SSL_CTX_add1_chain_cert(context, more.get()) != 1) return failed("the certificate's chain is not usable");
  }
  ERR_clear_error();  // the end of the text counts as an error
  return {};
}

Status use_key(SSL_CTX* context, const std::string& pem) {
  const Bio bio = bio_of(pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return failed("the private key is no PEM, or is encrypted");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return failed("the private key is not that of the certificate");
  }
  return {};
}

// Clients must show a certificate that one of these signed.
Status ask_clients(SSL_CTX* context, const std::string& pem) {
  const Bio bio = bio_of(pem);
  int count = 0;
  for (Certificate ca = next_certificate(bio); ca && count < kMaxChain; ca = next_certificate(bio)) {
    const bool added = X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) == 1 &&
                       SSL_CTX_add_client_CA(context, ca.get()) == 1;
    if (!added) return failed("a certificate of the client authority is not usable");
    ++count;
  }
  if (count == 0) return failed("the certificates of the client authority are no PEM");
  ERR_clear_error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  while (!offered.empty()) {
    const auto size = std::min<std::size_t>(static_cast<unsigned char>(offered[0]), offered.size() - 1);
    const std::string_view name = offered.substr(1, size);
    offered.remove_prefix(1 + size);
    if (name != kProtocol) continue;
    *out = reinterpret_cast<const unsigned char*>(name.data());
    *out_size = static_cast<unsigned char>(name.size());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

void TlsIdentity::Free::operator()(void* context) const { SSL_CTX_free(static_cast<SSL_CTX*>(context)); }

Result<TlsIdentity> TlsIdentity::make(const TlsOptions& options) {
  TlsIdentity identity;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  identity.context_.reset(context);
  if (context == nullptr) return failed("no memory for it");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Sessions are resumed only by a server that asks for the same certificates.
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned int>(kSessionContext.size()));
  RETURN_IF_ERROR(use_certificate(context, options.certificate_pem));
  RETURN_IF_ERROR(use_key(context, options.key_pem));
  if (!options.client_ca_pem.empty()) RETURN_IF_ERROR(ask_clients(context, options.client_ca_pem));
  return identity;
}

std::string peer_common_name(const void* ssl) {
  const Certificate certificate(SSL_get1_peer_certificate(static_cast<const SSL*>(ssl)));
  if (!certificate) return "";
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "(no name)";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return "(no name)";
  // A name is shown in logs and counted by: without bytes that would end it early or look like another's.
  std::string name(reinterpret_cast<const char*>(text), std::min(static_cast<std::size_t>(size), kMaxNameBytes));
  OPENSSL_free(text);
  std::ranges::replace_if(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return name.empty() ? "(no name)" : name;
}

}  // namespace arete::os
