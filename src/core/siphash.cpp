#include "core/siphash.h"

#include <bit>
#include <cstring>

namespace arete {
namespace {

using State = std::array<std::uint64_t, 4>;

void round(State& v) {
  v[0] += v[1];
  v[1] = std::rotl(v[1], 13) ^ v[0];
  v[0] = std::rotl(v[0], 32);
  v[2] += v[3];
  v[3] = std::rotl(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = std::rotl(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = std::rotl(v[1], 17) ^ v[2];
  v[2] = std::rotl(v[2], 32);
}

constexpr std::size_t kWord = sizeof(std::uint64_t);

}  // namespace

SipHash::SipHash(const std::array<std::uint64_t, 2>& key)
    : state_{key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU ^ 0xeeU, key[0] ^ 0x6c7967656e657261U,
             key[1] ^ 0x7465646279746573U} {}

void SipHash::take(std::uint64_t word) {
  state_[3] ^= word;
  round(state_);
  round(state_);
  state_[0] ^= word;
}

SipHash& SipHash::add(std::span<const std::byte> bytes) {
  // Words are little endian, as this machine.
  while (!bytes.empty() && length_ % kWord != 0) {
    pending_ |= std::uint64_t{std::to_integer<std::uint8_t>(bytes.front())} << (8 * (length_ % kWord));
    bytes = bytes.subspan(1);
    if (++length_ % kWord != 0) continue;
    take(pending_);
    pending_ = 0;
  }
  while (bytes.size() >= kWord) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), kWord);
    take(word);
    length_ += kWord;
    bytes = bytes.subspan(kWord);
  }
  for (const std::byte byte : bytes)
    pending_ |= std::uint64_t{std::to_integer<std::uint8_t>(byte)} << (8 * (length_++ % kWord));
  return *this;
}

SipHash& SipHash::add_number(std::uint64_t number) { return add(std::as_bytes(std::span(&number, 1))); }

Hash128 SipHash::finish() const {
  SipHash last = *this;
  last.take(pending_ | (length_ << 56U));
  last.state_[2] ^= 0xeeU;
  for (int i = 0; i < 4; ++i) round(last.state_);
  const auto fold = [](const State& v) { return v[0] ^ v[1] ^ v[2] ^ v[3]; };
  Hash128 hash;
  hash.low = fold(last.state_);
  last.state_[1] ^= 0xddU;
  for (int i = 0; i < 4; ++i) round(last.state_);
  hash.high = fold(last.state_);
  return hash;
}

}  // namespace arete
