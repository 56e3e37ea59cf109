#include "bundle/cipher.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>

#include "bundle/openssl_key.h"
#include "core/check.h"

namespace arete::bundle {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeOpenssl>;

// Only for want of memory any of these calls fails: sizes are constants, or those of blobs.
Context begin(const Secret& key, const Nonce& nonce, std::string_view also, int encrypts) {
  Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  CHECK(context && EVP_CipherInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, raw(key.bytes()),
                                     raw(std::span<const std::byte>(nonce)), encrypts) == 1);
  CHECK(EVP_CipherUpdate(context.get(), nullptr, &size, reinterpret_cast<const unsigned char*>(also.data()),
                         static_cast<int>(also.size())) == 1);
  return context;
}

// What passes through without a byte more or less.
void update(EVP_CIPHER_CTX* context, std::span<const std::byte> from, std::span<std::byte> to) {
  int size = 0;
  CHECK(EVP_CipherUpdate(context, raw(to), &size, raw(from), static_cast<int>(from.size())) == 1);
  CHECK(static_cast<std::size_t>(size) == from.size());
}

Secret hmac(std::span<const std::byte> key, std::span<const std::byte> message) {
  Secret result;
  unsigned int size = 0;
  const unsigned char* const made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message),
                                         message.size(), raw(std::span<std::byte>(result.writable())), &size);
  CHECK(made != nullptr && size == Secret::kBytes);
  return result;
}

}  // namespace

Secret::~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Status fill_with_random(std::span<std::byte> bytes) {
  if (RAND_bytes(raw(bytes), static_cast<int>(bytes.size())) == 1) return {};
  return Error{Code::kUnavailable, "the system gives no random numbers for a key"};
}

void encrypt(const Secret& key, const Nonce& nonce, std::string_view also, std::span<const std::byte> plain,
             std::span<std::byte> into) {
  CHECK(into.size() == plain.size() + kTagBytes);
  const Context context = begin(key, nonce, also, 1);
  update(context.get(), plain, into.first(plain.size()));
  int size = 0;
  CHECK(EVP_CipherFinal_ex(context.get(), raw(into.last(kTagBytes)), &size) == 1 && size == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, into.last(kTagBytes).data()) == 1);
}

bool decrypt(const Secret& key, const Nonce& nonce, std::string_view also, std::span<const std::byte> sealed,
             std::span<std::byte> into) {
  if (sealed.size() != into.size() + kTagBytes) return false;
  const Context context = begin(key, nonce, also, 0);
  update(context.get(), sealed.first(into.size()), into);
  std::array<std::byte, kTagBytes> tag{};
  std::ranges::copy(sealed.last(kTagBytes), tag.begin());
  CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  int size = 0;
  return EVP_CipherFinal_ex(context.get(), raw(std::span<std::byte>(tag)), &size) == 1;
}

Secret hkdf_extract(std::span<const std::byte> salt, std::span<const std::byte> material) {
  return hmac(salt, material);
}

// One round gives 32 bytes, and nobody here wants more.
Secret hkdf_expand(const Secret& key, std::span<const std::byte> info) {
  std::vector<std::byte> round(info.begin(), info.end());
  round.push_back(std::byte{1});
  return hmac(key.bytes(), round);
}

}  // namespace arete::bundle
