// PublicKey: who may have signed something, and whether they did.
//
// Threads: immutable once made; any thread. Limits: kMaxKeyBytes; RSA of 2048 to 8192 bits.
// Spec: TUF 1.0.34 section 4.2 (key objects); RFC 8032 (ed25519), FIPS 186-4 (ecdsa), RFC 8017 (rsa), by OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"

namespace arete::bundle {

inline constexpr std::size_t kMaxKeyBytes = 16384;  // of its text
inline constexpr std::size_t kMaxSignatureBytes = 2048;

class PublicKey {
 public:
  // {"keytype", "scheme", "keyval": {"public"}}: ed25519, ecdsa-sha2-nistp256, rsassa-pss-sha256, rsa-pkcs1v15-sha256.
  // kUnsupported for other schemes, kInvalid for what is no such key.
  static Result<PublicKey> parse(const Json& json);
  // 32 bytes.
  static Result<PublicKey> ed25519(std::span<const std::byte> bytes);

  bool verifies(std::span<const std::byte> signature, std::span<const std::byte> message) const;
  // Equal for two that are the same key, whatever they are called.
  const std::string& identity() const { return identity_; }

 private:
  enum class Scheme { kEd25519, kEcdsaP256, kRsaPss, kRsaPkcs1 };
  struct Key;
  PublicKey() = default;
  static Result<PublicKey> of_pem(Scheme scheme, const std::string& pem);

  Scheme scheme_ = Scheme::kEd25519;
  std::string identity_;
  std::shared_ptr<const Key> key_;
};

}  // namespace arete::bundle
