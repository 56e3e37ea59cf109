#include "bundle/openssl_key.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "core/check.h"

namespace arete::bundle {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

BioPtr reader_of(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// Without it OpenSSL asks whoever sits at the terminal.
int no_password(char*, int, int, void*) { return -1; }

template <class Write>
std::string written(const Write& write) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  CHECK(bio && write(bio.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

KeyPtr public_key_of_pem(std::string_view pem) {
  const BioPtr bio = reader_of(pem);
  return KeyPtr(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr) : nullptr);
}

Result<KeyPtr> private_key_of_pem(std::string_view pem, int type, std::string_view type_name) {
  const BioPtr bio = reader_of(pem);
  KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
  if (key && EVP_PKEY_get_base_id(key.get()) == type) return key;
  return Error{Code::kInvalid, "this is no private " + std::string(type_name) + " key in PEM without a password"};
}

std::string pem_of_public(EVP_PKEY* key) {
  return written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key); });
}

std::string pem_of_private(EVP_PKEY* key) {
  return written(
      [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, no_password, nullptr); });
}

}  // namespace arete::bundle
