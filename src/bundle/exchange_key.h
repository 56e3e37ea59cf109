// Keys that models are sealed to: X25519.
//
// Who opens what is sealed needs one operation of the private key, the agreement, so that a key may stay in a TPM or
// behind PKCS #11; ExchangeKey is one in memory, wiped when it goes. os/keystore alone reads and writes the files.
// Threads: immutable once made. Spec: RFC 7748; RFC 8410 (in PEM, as `openssl genpkey -algorithm x25519` writes it),
// by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bundle/cipher.h"
#include "bundle/digest.h"
#include "core/result.h"

namespace arete::bundle {

struct ExchangePublicKey {
  std::array<std::byte, 32> bytes = {};

  // kInvalid for other keys and other text.
  static Result<ExchangePublicKey> of_pem(std::string_view pem);
  std::string pem() const;
  // What a key is called where it is not shown: the SHA-256 of its bytes.
  Digest id() const { return digest_of(bytes); }
  bool operator==(const ExchangePublicKey&) const = default;
};

class KeyAgreement {
 public:
  virtual ~KeyAgreement() = default;
  virtual const ExchangePublicKey& public_key() const = 0;
  // kUntrusted for a key of the other side that would give the same secret to everybody.
  virtual Result<Secret> agree(const ExchangePublicKey& other) const = 0;
};

class ExchangeKey final : public KeyAgreement {
 public:
  static Result<ExchangeKey> generate();
  static Result<ExchangeKey> of_bytes(const Secret& bytes);
  // kInvalid for other keys, and for one behind a password.
  static Result<ExchangeKey> of_pem(std::string_view pem);

  const ExchangePublicKey& public_key() const override { return public_key_; }
  Result<Secret> agree(const ExchangePublicKey& other) const override;
  Secret bytes() const;
  std::string pem() const;

 private:
  struct Key;
  static Result<ExchangeKey> of_key(std::shared_ptr<const Key> key);
  ExchangeKey() = default;

  ExchangePublicKey public_key_;
  std::shared_ptr<const Key> key_;
};

}  // namespace arete::bundle
