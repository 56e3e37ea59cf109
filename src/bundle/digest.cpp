#include "bundle/digest.h"

#include <openssl/evp.h>

#include "core/check.h"

namespace arete::bundle {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, FreeContext> context;

  // Only a broken OpenSSL cannot begin a SHA-256.
  void begin() { CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  state_->context.reset(EVP_MD_CTX_new());
  state_->begin();
}
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()), &size) == 1);
  CHECK(size == digest.bytes.size());
  state_->begin();
  return digest;
}

Digest digest_of(std::span<const std::byte> bytes) {
  Sha256 sha256;
  sha256.add(bytes);
  return sha256.finish();
}

std::string Digest::hex() const { return hex_of(bytes); }

Result<Digest> digest_from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.bytes.size())
    return Error{Code::kInvalid, "a SHA-256 has 64 digits, not " + std::to_string(text.size())};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = kDigits.find(text[i]);
    if (digit == std::string_view::npos)
      return Error{Code::kInvalid, "a SHA-256 is written in the digits 0 to 9 and a to f"};
    digest.bytes[i / 2] = (digest.bytes[i / 2] << 4) | static_cast<std::byte>(digit);
  }
  return digest;
}

}  // namespace arete::bundle
