// ContentKey: what the blobs of a confidential bundle are sealed with, each under a key of its own
// (docs/formats/bundle.md). Not for: who may have it (grants.h).
// Threads: immutable. Spec: RFC 8439 and RFC 5869.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "bundle/blob.h"
#include "bundle/cipher.h"

namespace arete::bundle {

// By so much a sealed form is longer than the form that was sealed.
inline constexpr std::size_t kSealBytes = sizeof(Nonce) + kTagBytes;

class ContentKey {
 public:
  static Result<ContentKey> generate();
  explicit ContentKey(const Secret& secret) : secret_(secret) {}

  // kUnavailable where the system gives no random numbers.
  Result<std::vector<std::byte>> seal(const Blob& blob, Coding coding, std::span<const std::byte> form) const;
  // kUntrusted naming the blob where it was not sealed with this key, or was changed.
  Status unseal(const Blob& blob, Coding coding, std::span<const std::byte> sealed, std::span<std::byte> into) const;

  const Secret& secret() const { return secret_; }

 private:
  Secret secret_;
};

}  // namespace arete::bundle
