// SigningKey: an ed25519 key that signs.
//
// Private keys are read and kept by os/keystore alone; here they are values, wiped when they go.
// Threads: immutable once made. Spec: RFC 8032, by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bundle/public_key.h"
#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

class SigningKey {
 public:
  using Seed = std::array<std::byte, 32>;

  static Result<SigningKey> make(const Seed& seed);
  // A new one, by the system's random numbers.
  static Result<SigningKey> generate();

  // As `openssl genpkey -algorithm ed25519` writes it. kInvalid for other keys, and for one behind a password.
  static Result<SigningKey> of_pem(std::string_view pem);
  std::string pem() const;

  // 64 bytes.
  std::string sign(std::span<const std::byte> message) const;
  Seed seed() const;
  // As TUF metadata holds it, and its id there.
  Json public_json() const;
  std::string id() const;

 private:
  struct Key;
  SigningKey() = default;
  std::shared_ptr<const Key> key_;
};

// The id by which TUF metadata calls a key: the SHA-256 of its canonical form. CHECKs that it has one, as parsed keys
// do.
std::string key_id(const Json& public_json);

// A TUF document of what is signed: {"signatures": [...], "signed": ...}. kInvalid for what has no canonical form.
Result<Json> sign_envelope(const Json& signed_part, std::span<const SigningKey* const> keys);

}  // namespace arete::bundle
