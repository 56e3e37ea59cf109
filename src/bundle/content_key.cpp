#include "bundle/content_key.h"

#include <algorithm>
#include <string>

namespace arete::bundle {
namespace {

Secret blob_key(const Secret& content, const Blob& blob) {
  constexpr std::string_view kPurpose = "arete blob 1";
  std::vector<std::byte> info(kPurpose.size() + blob.digest.bytes.size());
  std::ranges::copy(std::as_bytes(std::span(kPurpose)), info.begin());
  std::ranges::copy(blob.digest.bytes, info.begin() + kPurpose.size());
  return hkdf_expand(content, info);
}

// A form that was sealed as one kind is not taken for another.
std::string also_of(Coding coding) { return std::string(1, static_cast<char>(coding)); }

}  // namespace

Result<ContentKey> ContentKey::generate() {
  Secret secret;
  RETURN_IF_ERROR(fill_with_random(secret.writable()));
  return ContentKey(secret);
}

Result<std::vector<std::byte>> ContentKey::seal(const Blob& blob, Coding coding,
                                                std::span<const std::byte> form) const {
  // Of one blob there are several forms, by different versions of zstd: the nonce keeps them apart.
  Nonce nonce;
  RETURN_IF_ERROR(fill_with_random(nonce));
  std::vector<std::byte> sealed(form.size() + kSealBytes);
  std::ranges::copy(nonce, sealed.begin());
  encrypt(blob_key(secret_, blob), nonce, also_of(coding), form, std::span(sealed).subspan(nonce.size()));
  return sealed;
}

Status ContentKey::unseal(const Blob& blob, Coding coding, std::span<const std::byte> sealed,
                          std::span<std::byte> into) const {
  Nonce nonce;
  if (sealed.size() >= kSealBytes) {
    std::ranges::copy(sealed.first(nonce.size()), nonce.begin());
    if (decrypt(blob_key(secret_, blob), nonce, also_of(coding), sealed.subspan(nonce.size()), into)) return {};
  }
  return Error{Code::kUntrusted,
               "blob " + blob.digest.hex() + " was not sealed with this content key, or was changed since"};
}

}  // namespace arete::bundle
