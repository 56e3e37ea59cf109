#include "bundle/public_key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "bundle/digest.h"
#include "bundle/openssl_key.h"

namespace arete::bundle {
namespace {

constexpr std::size_t kEd25519Bytes = 32;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // verifying takes time with the square of it

// The key's own bytes in one form.
std::string der_of(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

bool is_p256(EVP_PKEY* key) {
  std::array<char, 64> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1 &&
         (std::string_view(name.data(), size) == "prime256v1" || std::string_view(name.data(), size) == "P-256");
}

bool is_good_rsa(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= kLeastRsaBits && bits <= kMostRsaBits;
}

Result<std::string> text_of(const Json& json, std::string_view name) {
  const Json* const member = json.find(name);
  if (member != nullptr && member->is_string() && member->as_string().size() <= kMaxKeyBytes)
    return member->as_string();
  return Error{Code::kInvalid, "a key must have the text \"" + std::string(name) + "\""};
}

}  // namespace

struct PublicKey::Key {
  KeyPtr key;
};

Result<PublicKey> PublicKey::ed25519(std::span<const std::byte> bytes) {
  PublicKey made;
  KeyPtr key;
  if (bytes.size() == kEd25519Bytes)
    key.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes), bytes.size()));
  if (!key) return Error{Code::kInvalid, "an ed25519 key has 32 bytes, 64 hex digits"};
  made.identity_ = der_of(key.get());
  made.key_ = std::make_shared<const Key>(Key{std::move(key)});
  return made;
}

Result<PublicKey> PublicKey::of_pem(Scheme scheme, const std::string& pem) {
  KeyPtr key = public_key_of_pem(pem);
  if (!key) return Error{Code::kInvalid, "a key's \"public\" is no key in PEM"};
  const bool fits = scheme == Scheme::kEcdsaP256 ? is_p256(key.get()) : is_good_rsa(key.get());
  if (!fits) {
    return Error{Code::kInvalid, scheme == Scheme::kEcdsaP256
                                     ? std::string("an ecdsa key must be on the curve P-256")
                                     : "an rsa key must have " + std::to_string(kLeastRsaBits) + " to " +
                                           std::to_string(kMostRsaBits) + " bits"};
  }
  PublicKey made;
  made.scheme_ = scheme;
  made.identity_ = der_of(key.get());
  made.key_ = std::make_shared<const Key>(Key{std::move(key)});
  return made;
}

Result<PublicKey> PublicKey::parse(const Json& json) {
  ASSIGN_OR_RETURN(const std::string type, text_of(json, "keytype"));
  ASSIGN_OR_RETURN(const std::string scheme, text_of(json, "scheme"));
  const Json* const value = json.find("keyval");
  if (value == nullptr) return Error{Code::kInvalid, "a key must have a \"keyval\""};
  ASSIGN_OR_RETURN(const std::string text, text_of(*value, "public"));
  if (type == "ed25519" && scheme == "ed25519") {
    ASSIGN_OR_RETURN(const std::string bytes, bytes_from_hex(text));
    return ed25519(std::as_bytes(std::span(bytes)));
  }
  // Older repositories name the scheme as the type.
  if ((type == "ecdsa" || type == "ecdsa-sha2-nistp256") && scheme == "ecdsa-sha2-nistp256")
    return of_pem(Scheme::kEcdsaP256, text);
  if (type == "rsa" && scheme == "rsassa-pss-sha256") return of_pem(Scheme::kRsaPss, text);
  if (type == "rsa" && scheme == "rsa-pkcs1v15-sha256") return of_pem(Scheme::kRsaPkcs1, text);
  return Error{Code::kUnsupported, "keys of type '" + type + "' with scheme '" + scheme + "' are not known here"};
}

bool PublicKey::verifies(std::span<const std::byte> signature, std::span<const std::byte> message) const {
  if (signature.empty() || signature.size() > kMaxSignatureBytes) return false;
  const std::unique_ptr<EVP_MD_CTX, FreeOpenssl> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const EVP_MD* const hash = scheme_ == Scheme::kEd25519 ? nullptr : EVP_sha256();
  if (!context || EVP_DigestVerifyInit(context.get(), &parameters, hash, nullptr, key_->key.get()) != 1) return false;
  if (scheme_ == Scheme::kRsaPss) {
    // Signers choose the length of the salt: most take that of the hash, some the longest.
    if (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) != 1)
      return false;
  }
  return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
}

}  // namespace arete::bundle
