// ChaCha20-Poly1305 and HKDF-SHA256, and 32 bytes that are wiped when they go.
//
// Threads: pure. Spec: RFC 8439, RFC 5869, by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace arete::bundle {

// A key, or what keys are made of.
class Secret {
 public:
  static constexpr std::size_t kBytes = 32;

  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  std::span<const std::byte, kBytes> bytes() const { return bytes_; }
  std::span<std::byte, kBytes> writable() { return bytes_; }

 private:
  std::array<std::byte, kBytes> bytes_ = {};
};

inline constexpr std::size_t kTagBytes = 16;
using Nonce = std::array<std::byte, 12>;

// kUnavailable where the system gives no random numbers.
Status fill_with_random(std::span<std::byte> bytes);

// `into` has kTagBytes more than `plain`. A nonce is used once with a key.
void encrypt(const Secret& key, const Nonce& nonce, std::string_view also, std::span<const std::byte> plain,
             std::span<std::byte> into);
// False where `sealed` was not made with this key, nonce and `also`; `into` is then worth nothing.
bool decrypt(const Secret& key, const Nonce& nonce, std::string_view also, std::span<const std::byte> sealed,
             std::span<std::byte> into);

Secret hkdf_extract(std::span<const std::byte> salt, std::span<const std::byte> material);
// The first bytes of what RFC 5869 calls OKM: a nonce's 12, say.
Secret hkdf_expand(const Secret& key, std::span<const std::byte> info);

}  // namespace arete::bundle
