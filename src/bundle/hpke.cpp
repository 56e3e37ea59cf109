#include "bundle/hpke.h"

#include <algorithm>
#include <string>

namespace arete::bundle {
namespace {

using std::literals::operator""sv;
// KEM 0x0020, KDF 0x0001, AEAD 0x0003.
constexpr std::string_view kKemSuite = "KEM\x00\x20"sv;
constexpr std::string_view kHpkeSuite = "HPKE\x00\x20\x00\x01\x00\x03"sv;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Secret labeled_extract(std::string_view suite, std::span<const std::byte> salt, std::string_view label,
                       std::span<const std::byte> material) {
  std::vector<std::byte> labeled;
  for (const std::span<const std::byte> part : {bytes_of("HPKE-v1"), bytes_of(suite), bytes_of(label), material})
    labeled.insert(labeled.end(), part.begin(), part.end());
  return hkdf_extract(salt, labeled);
}

Secret labeled_expand(std::string_view suite, const Secret& key, std::string_view label, std::string_view info,
                      std::uint8_t size) {
  const std::string labeled = std::string(1, '\0') + static_cast<char>(size) + "HPKE-v1" + std::string(suite) +
                              std::string(label) + std::string(info);
  return hkdf_expand(key, bytes_of(labeled));
}

struct Context {
  Secret key;
  Nonce nonce = {};
};

// The RFC's ExtractAndExpand and KeySchedule.
Context context_of(const Secret& agreed, const ExchangePublicKey& encapsulated, const ExchangePublicKey& to,
                   std::string_view info) {
  const std::string kem_context = std::string(text_of(encapsulated.bytes)) + std::string(text_of(to.bytes));
  const Secret shared = labeled_expand(kKemSuite, labeled_extract(kKemSuite, {}, "eae_prk", agreed.bytes()),
                                       "shared_secret", kem_context, Secret::kBytes);
  const Secret psk_id_hash = labeled_extract(kHpkeSuite, {}, "psk_id_hash", {});
  const Secret info_hash = labeled_extract(kHpkeSuite, {}, "info_hash", bytes_of(info));
  const std::string schedule =
      std::string(1, '\0') + std::string(text_of(psk_id_hash.bytes())) + std::string(text_of(info_hash.bytes()));
  const Secret secret = labeled_extract(kHpkeSuite, shared.bytes(), "secret", {});
  Context context{labeled_expand(kHpkeSuite, secret, "key", schedule, Secret::kBytes)};
  const Secret nonce = labeled_expand(kHpkeSuite, secret, "base_nonce", schedule, context.nonce.size());
  std::ranges::copy(nonce.bytes().first(context.nonce.size()), context.nonce.begin());
  return context;
}

}  // namespace

Result<HpkeMessage> hpke_seal(const ExchangePublicKey& to, std::string_view info, std::span<const std::byte> message) {
  ASSIGN_OR_RETURN(const ExchangeKey ephemeral, ExchangeKey::generate());
  return hpke_seal(ephemeral, to, info, {}, message);
}

Result<HpkeMessage> hpke_seal(const ExchangeKey& ephemeral, const ExchangePublicKey& to, std::string_view info,
                              std::string_view also, std::span<const std::byte> message) {
  ASSIGN_OR_RETURN(const Secret agreed, ephemeral.agree(to));
  const Context context = context_of(agreed, ephemeral.public_key(), to, info);
  HpkeMessage sealed{ephemeral.public_key(), std::vector<std::byte>(message.size() + kTagBytes)};
  encrypt(context.key, context.nonce, also, message, sealed.sealed);
  return sealed;
}

Status hpke_open(const KeyAgreement& key, const HpkeMessage& message, std::string_view info, std::span<std::byte> into,
                 std::string_view also) {
  ASSIGN_OR_RETURN(const Secret agreed, key.agree(message.encapsulated));
  const Context context = context_of(agreed, message.encapsulated, key.public_key(), info);
  if (decrypt(context.key, context.nonce, also, message.sealed, into)) return {};
  return Error{Code::kUntrusted, "this was not sealed to the key " + key.public_key().id().hex() + ", or was changed"};
}

}  // namespace arete::bundle
