#include "bundle/stored_reader.h"

namespace arete::bundle {
std::uint32_t row_coding(Coding coding, bool sealed) {
  return static_cast<std::uint32_t>(coding) | (sealed ? kSealedBit : 0);
}

std::optional<StoredPlace> place_of_row(std::uint32_t coding, std::uint32_t bytes, const Blob& blob) {
  const std::uint32_t plain = coding & ~kSealedBit;
  if (plain > static_cast<std::uint32_t>(Coding::kPatch)) return {};
  const StoredPlace place{static_cast<Coding>(plain), plain != coding, bytes};
  if (place.sealed && bytes < kSealBytes) return {};
  const bool fits = place.coding == Coding::kRaw ? place.form_bytes() == blob.bytes : place.form_bytes() < blob.bytes;
  return fits ? std::optional(place) : std::nullopt;
}

Result<StoredForm> stored_form(const Blob& blob, Packed packed, std::span<const std::byte> bytes,
                               const ContentKey* key) {
  StoredForm stored{row_coding(packed.coding, key != nullptr), std::move(packed.bytes)};
  if (key == nullptr) return stored;
  const bool is_raw = packed.coding == Coding::kRaw;
  ASSIGN_OR_RETURN(stored.bytes,
                   key->seal(blob, packed.coding, is_raw ? bytes : std::span<const std::byte>(stored.bytes)));
  return stored;
}

// The stored bytes without their seal.
Result<std::span<const std::byte>> StoredReader::form(const Blob& blob, const StoredPlace& place) {
  stored_.resize(place.bytes);
  RETURN_IF_ERROR(read_(place.offset, stored_));
  if (!place.sealed) return std::span<const std::byte>(stored_);
  if (!key_) return Error{Code::kUntrusted, "it is sealed; give a key that it was granted to (--key)"};
  unsealed_.resize(place.form_bytes());
  RETURN_IF_ERROR(key_->unseal(blob, place.coding, stored_, unsealed_));
  return std::span<const std::byte>(unsealed_);
}

Result<std::span<const std::byte>> StoredReader::blob(const Blob& blob, const StoredPlace& place,
                                                      std::span<const std::byte> base) {
  unpacked_.resize(blob.bytes);
  if (place.coding == Coding::kRaw && !place.sealed) {
    RETURN_IF_ERROR(read_(place.offset, unpacked_));  // needs no second place in memory
  } else {
    ASSIGN_OR_RETURN(const std::span<const std::byte> form, this->form(blob, place));
    const Status done = unpacker_->unpack(place.coding, form, base, unpacked_);
    if (!done) return with_context(done.error(), "blob " + blob.digest.hex());
  }
  RETURN_IF_ERROR(check_blob(blob, unpacked_));
  return std::span<const std::byte>(unpacked_);
}

}  // namespace arete::bundle
