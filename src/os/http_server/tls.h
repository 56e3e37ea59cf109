// TlsOptions: what a server needs to speak TLS; TlsIdentity: what OpenSSL made of it.
//
// Keys are handed over as bytes: reading them is the caller's (os/keystore). TLS 1.2 and newer, ALPN "http/1.1".
// Threads: TlsIdentity may be used from many. Spec: RFC 8446, RFC 5246, RFC 7301.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "os/http_server/route.h"

namespace arete::os {

struct TlsOptions {
  std::string certificate_pem;     // the server's, then those that lead to its root
  std::string key_pem;             // not encrypted
  std::string client_ca_pem = "";  // "": no client certificates; else every client over TCP must show one of theirs
  Scopes client_scopes = {.predict = true, .admin = false};  // what the holder of a client certificate may call
};

// Private to this room from here on: OpenSSL's own type stays unnamed.
class TlsIdentity {
 public:
  // kInvalid: bytes that are no PEM, or a key that is not the certificate's.
  static Result<TlsIdentity> make(const TlsOptions& options);

  // An SSL_CTX*, borrowed.
  void* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

// The common name of the certificate that the other side of an SSL* showed; "" when it showed none.
std::string peer_common_name(const void* ssl);

}  // namespace arete::os
