#include "bundle/bundle.h"

#include <algorithm>

#include "bundle/bundle_format.h"
#include "core/check.h"

namespace arete::bundle {
namespace {

Error other_size(const char* what, std::uint64_t has, std::uint64_t says) {
  return {Code::kCorrupt, "the " + std::string(what) + " has " + std::to_string(has) + " bytes and says " +
                              std::to_string(says) + (says > has ? ": it is cut short" : "")};
}

std::string what_begins_so(const Magic& magic) {
  if (magic == kDeltaMagic) return "it is a delta; `arete bundle apply OLDER DELTA` makes the newer bundle with it";
  if (magic == kBundleMagic) return "it is a bundle";
  return "it does not begin like one";
}

}  // namespace

Result<Head> read_head(const ReadAt& read, std::uint64_t size_bytes, const Magic& magic, const char* what) {
  const std::string no_such = "this is no " + std::string(what);
  if (size_bytes < sizeof(Head)) return Error{Code::kCorrupt, no_such + ": it has too few bytes"};
  ASSIGN_OR_RETURN(const Head head, read_row<Head>(read, 0));
  if (head.magic != magic) return Error{Code::kCorrupt, no_such + ": " + what_begins_so(head.magic)};
  if (head.format != kFormat) {
    return Error{Code::kUnsupported, "the " + std::string(what) + " is of format " + std::to_string(head.format) +
                                         ", this program knows format " + std::to_string(kFormat) +
                                         ": use a newer one"};
  }
  if (head.manifest_bytes > kMaxManifestBytes)
    return Error{Code::kExhausted, "the manifest is over " + std::to_string(kMaxManifestBytes) + " bytes"};
  if (head.manifest_bytes > size_bytes - sizeof(head))
    return Error{Code::kCorrupt, "the " + std::string(what) + " ends within its manifest: it is cut short"};
  return head;
}

bool looks_like_bundle(std::span<const std::byte> first) {
  static_assert(kMagicBytes == sizeof(Magic));
  return first.size() >= kMagicBytes &&
         std::ranges::equal(first.first(kMagicBytes), std::as_bytes(std::span(kBundleMagic)));
}

Result<Bundle> Bundle::open(ReadAt read, std::uint64_t size_bytes) {
  ASSIGN_OR_RETURN(const Head head, read_head(read, size_bytes, kBundleMagic, "bundle"));
  Bundle bundle(std::move(read));
  bundle.text_.resize(head.manifest_bytes);
  RETURN_IF_ERROR(bundle.reader_.at()(sizeof(head), std::as_writable_bytes(std::span(bundle.text_))));
  if (bundle::manifest_digest(bundle) != head.manifest_digest)
    return Error{Code::kCorrupt, "the manifest has other bytes than its head says"};
  ASSIGN_OR_RETURN(bundle.manifest_, parse_manifest(bundle.text_));
  RETURN_IF_ERROR(bundle.read_places(sizeof(head) + head.manifest_bytes, size_bytes));
  return bundle;
}

// The rows stand at the end, so that a bundle can be written in one go.
Status Bundle::read_places(std::uint64_t blobs_at, std::uint64_t size_bytes) {
  std::vector<StoredRow> rows(manifest_.blobs.size());
  const std::uint64_t rows_bytes = rows.size() * sizeof(StoredRow);
  if (rows_bytes > size_bytes - blobs_at) return other_size("bundle", size_bytes, blobs_at + rows_bytes);
  RETURN_IF_ERROR(reader_.at()(size_bytes - rows_bytes, std::as_writable_bytes(std::span(rows))));
  std::uint64_t at = blobs_at;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Blob& blob = manifest_.blobs[i];
    std::optional<StoredPlace> place = place_of_row(rows[i].coding, rows[i].bytes, blob);
    if (!place || place->coding == Coding::kPatch) {
      return Error{Code::kCorrupt, "the bundle is broken or cut short: it says a form of blob " + blob.digest.hex() +
                                       " that it cannot have"};
    }
    place->offset = at;
    places_.push_back(*place);
    at += rows[i].bytes;
  }
  return at + rows_bytes == size_bytes ? Status() : Status(other_size("bundle", size_bytes, at + rows_bytes));
}

Result<std::span<const std::byte>> Bundle::blob(std::size_t index) {
  CHECK(index < places_.size());
  Result<std::span<const std::byte>> bytes = reader_.blob(manifest_.blobs[index], places_[index], {});
  return bytes || path_.empty() ? std::move(bytes) : with_context(std::move(bytes).error(), path_);
}

bool Bundle::is_sealed() const { return std::ranges::any_of(places_, &StoredPlace::sealed); }

std::uint64_t Bundle::stored_bytes() const {
  std::uint64_t bytes = 0;
  for (const StoredPlace& place : places_) bytes += place.bytes;
  return bytes;
}

}  // namespace arete::bundle
