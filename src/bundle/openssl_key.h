// OpenSSL's handles as values, and keys in PEM. Private to this room. Threads: pure; a handle belongs to one owner.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace arete::bundle {

struct FreeOpenssl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenssl>;

inline const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// nullptr for what is no such key. Nobody is asked for a password.
KeyPtr public_key_of_pem(std::string_view pem);
// kInvalid for what is no private key of `type` (EVP_PKEY_ED25519, say), and for one behind a password.
Result<KeyPtr> private_key_of_pem(std::string_view pem, int type, std::string_view type_name);

std::string pem_of_public(EVP_PKEY* key);
std::string pem_of_private(EVP_PKEY* key);  // PKCS #8

}  // namespace arete::bundle
