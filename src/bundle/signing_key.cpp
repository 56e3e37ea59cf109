#include "bundle/signing_key.h"

#include "bundle/canonical_json.h"
#include "bundle/digest.h"
#include "bundle/openssl_key.h"
#include "core/check.h"

namespace arete::bundle {
namespace {

constexpr std::size_t kSignatureBytes = 64;

}  // namespace

struct SigningKey::Key {
  KeyPtr key;
};

Result<SigningKey> SigningKey::make(const Seed& seed) {
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed), seed.size()));
  if (!key) return Error{Code::kExhausted, "no memory for a key"};
  SigningKey made;
  made.key_ = std::make_shared<const Key>(Key{std::move(key)});
  return made;
}

Result<SigningKey> SigningKey::generate() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return Error{Code::kUnavailable, "the system gives no random numbers for a key"};
  SigningKey made;
  made.key_ = std::make_shared<const Key>(Key{std::move(key)});
  return made;
}

Result<SigningKey> SigningKey::of_pem(std::string_view pem) {
  ASSIGN_OR_RETURN(KeyPtr key, private_key_of_pem(pem, EVP_PKEY_ED25519, "ed25519"));
  SigningKey made;
  made.key_ = std::make_shared<const Key>(Key{std::move(key)});
  return made;
}

std::string SigningKey::pem() const { return pem_of_private(key_->key.get()); }

std::string SigningKey::sign(std::span<const std::byte> message) const {
  const std::unique_ptr<EVP_MD_CTX, FreeOpenssl> context(EVP_MD_CTX_new());
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  CHECK(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) == 1);
  CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1);
  return signature;
}

SigningKey::Seed SigningKey::seed() const {
  Seed seed;
  std::size_t size = seed.size();
  CHECK(EVP_PKEY_get_raw_private_key(key_->key.get(), reinterpret_cast<unsigned char*>(seed.data()), &size) == 1);
  return seed;
}

Json SigningKey::public_json() const {
  std::array<std::byte, 32> bytes;
  std::size_t size = bytes.size();
  CHECK(EVP_PKEY_get_raw_public_key(key_->key.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1);
  return Json::object(
      {{"keytype", "ed25519"}, {"scheme", "ed25519"}, {"keyval", Json::object({{"public", hex_of(bytes)}})}});
}

std::string SigningKey::id() const { return key_id(public_json()); }

std::string key_id(const Json& public_json) {
  const Result<std::string> text = canonical_json(public_json);
  CHECK(text.has_value());
  return digest_of(std::as_bytes(std::span(*text))).hex();
}

Result<Json> sign_envelope(const Json& signed_part, std::span<const SigningKey* const> keys) {
  ASSIGN_OR_RETURN(const std::string text, canonical_json(signed_part));
  Json signatures = Json::array();
  for (const SigningKey* const key : keys) {
    const std::string signature = key->sign(std::as_bytes(std::span(text)));
    signatures.push_back(Json::object({{"keyid", key->id()}, {"sig", hex_of(std::as_bytes(std::span(signature)))}}));
  }
  return Json::object({{"signatures", std::move(signatures)}, {"signed", signed_part}});
}

}  // namespace arete::bundle
