#include "bundle/exchange_key.h"

#include "bundle/openssl_key.h"
#include "core/check.h"

namespace arete::bundle {
namespace {

KeyPtr handle_of(const ExchangePublicKey& key) {
  KeyPtr made(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(key.bytes), key.bytes.size()));
  CHECK(made != nullptr);
  return made;
}

ExchangePublicKey public_key_of(EVP_PKEY* key) {
  ExchangePublicKey made;
  std::size_t size = made.bytes.size();
  CHECK(EVP_PKEY_get_raw_public_key(key, raw(std::span<std::byte>(made.bytes)), &size) == 1);
  return made;
}

}  // namespace

struct ExchangeKey::Key {
  KeyPtr key;
};

Result<ExchangePublicKey> ExchangePublicKey::of_pem(std::string_view pem) {
  const KeyPtr key = public_key_of_pem(pem);
  if (key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_X25519) return public_key_of(key.get());
  return Error{Code::kInvalid, "this is no public X25519 key in PEM"};
}

std::string ExchangePublicKey::pem() const { return pem_of_public(handle_of(*this).get()); }

Result<ExchangeKey> ExchangeKey::of_key(std::shared_ptr<const Key> key) {
  ExchangeKey made;
  made.public_key_ = public_key_of(key->key.get());
  made.key_ = std::move(key);
  return made;
}

Result<ExchangeKey> ExchangeKey::generate() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
  if (!key) return Error{Code::kUnavailable, "the system gives no random numbers for a key"};
  return of_key(std::make_shared<const Key>(Key{std::move(key)}));
}

Result<ExchangeKey> ExchangeKey::of_bytes(const Secret& bytes) {
  KeyPtr key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(bytes.bytes()), Secret::kBytes));
  if (!key) return Error{Code::kExhausted, "no memory for a key"};
  return of_key(std::make_shared<const Key>(Key{std::move(key)}));
}

Result<ExchangeKey> ExchangeKey::of_pem(std::string_view pem) {
  ASSIGN_OR_RETURN(KeyPtr key, private_key_of_pem(pem, EVP_PKEY_X25519, "X25519"));
  return of_key(std::make_shared<const Key>(Key{std::move(key)}));
}

Result<Secret> ExchangeKey::agree(const ExchangePublicKey& other) const {
  const KeyPtr theirs = handle_of(other);
  const std::unique_ptr<EVP_PKEY_CTX, FreeOpenssl> context(EVP_PKEY_CTX_new(key_->key.get(), nullptr));
  CHECK(context && EVP_PKEY_derive_init(context.get()) == 1 &&
        EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1);
  Secret secret;
  std::size_t size = Secret::kBytes;
  if (EVP_PKEY_derive(context.get(), raw(std::span<std::byte>(secret.writable())), &size) != 1)
    return Error{Code::kUntrusted, "an X25519 key of low order: with it anybody would have the same secret"};
  return secret;
}

Secret ExchangeKey::bytes() const {
  Secret bytes;
  std::size_t size = Secret::kBytes;
  CHECK(EVP_PKEY_get_raw_private_key(key_->key.get(), raw(std::span<std::byte>(bytes.writable())), &size) == 1);
  return bytes;
}

std::string ExchangeKey::pem() const { return pem_of_private(key_->key.get()); }

}  // namespace arete::bundle
