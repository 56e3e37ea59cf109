// Hybrid public key encryption of one short message to one key: RFC 9180, mode base, with DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256 and ChaCha20-Poly1305.
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "bundle/exchange_key.h"
#include "core/result.h"

namespace arete::bundle {

struct HpkeMessage {
  ExchangePublicKey encapsulated;  // "enc"
  std::vector<std::byte> sealed;   // kTagBytes more than the message
};

// `info` says what the message is for; who opens it must say the same.
Result<HpkeMessage> hpke_seal(const ExchangePublicKey& to, std::string_view info, std::span<const std::byte> message);
// With this ephemeral key, which must be used once; hpke_seal makes a new one. For the RFC's examples.
Result<HpkeMessage> hpke_seal(const ExchangeKey& ephemeral, const ExchangePublicKey& to, std::string_view info,
                              std::string_view also, std::span<const std::byte> message);
// kUntrusted for what was not sealed to this key for this purpose. `into` has the message's size.
Status hpke_open(const KeyAgreement& key, const HpkeMessage& message, std::string_view info, std::span<std::byte> into,
                 std::string_view also = {});

}  // namespace arete::bundle
