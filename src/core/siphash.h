// SipHash-2-4 with 128 bits: a hash under a secret key, whose collisions nobody finds who does not know it.
//
// For tables over what strangers send. Not for: signatures, files (no key, no comparison with other programs).
// Threads: a value. Spec: Aumasson and Bernstein, SipHash (2012), and the reference code's 128-bit form.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace arete {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  auto operator<=>(const Hash128&) const = default;
};

class SipHash {
 public:
  explicit SipHash(const std::array<std::uint64_t, 2>& key);

  SipHash& add(std::span<const std::byte> bytes);
  SipHash& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  // Adds a number of 8 bytes, so that parts of different lengths cannot be mistaken for one another.
  SipHash& add_number(std::uint64_t number);
  // Of everything added so far.
  Hash128 finish() const;

 private:
  void take(std::uint64_t word);

  std::array<std::uint64_t, 4> state_;
  std::uint64_t pending_ = 0;  // bytes that are no whole word yet
  std::uint64_t length_ = 0;
};

}  // namespace arete
