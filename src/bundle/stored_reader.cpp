#include "bundle/stored_reader.h"

namespace arete::bundle {

Result<std::span<const std::byte>> StoredReader::blob(const Blob& blob, const StoredPlace& place,
                                                      std::span<const std::byte> base) {
  unpacked_.resize(blob.bytes);
  if (place.coding == Coding::kRaw) {
    RETURN_IF_ERROR(read_(place.offset, unpacked_));
  } else {
    stored_.resize(place.bytes);
    RETURN_IF_ERROR(read_(place.offset, stored_));
    const Status done = unpacker_->unpack(place.coding, stored_, base, unpacked_);
    if (!done) return with_context(done.error(), "blob " + blob.digest.hex());
  }
  RETURN_IF_ERROR(check_blob(blob, unpacked_));
  return std::span<const std::byte>(unpacked_);
}

}  // namespace arete::bundle
