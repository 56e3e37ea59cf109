// Digest: a SHA-256, by which blobs are named and files and manifests are known.
//
// Threads: values; a Sha256 belongs to one thread. Spec: FIPS 180-4, by OpenSSL.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/hex.h"
#include "core/result.h"

namespace arete::bundle {

struct Digest {
  std::array<std::byte, 32> bytes = {};

  auto operator<=>(const Digest&) const = default;
  std::string hex() const;
};

// kInvalid unless it is 64 digits in lower case: a digest has one form, so that texts can be compared.
Result<Digest> digest_from_hex(std::string_view text);

// Of bytes that come in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  // Of everything added since the last one; begins anew.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_of(std::span<const std::byte> bytes);

}  // namespace arete::bundle
