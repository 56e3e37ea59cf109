#include "bundle/delta.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "bundle/bundle_format.h"
#include "core/check.h"

namespace arete::bundle {
namespace {

// Behind the head, which is about the newer manifest as it is sent.
struct DeltaHead {
  Digest older_manifest;
  std::uint32_t manifest_bytes = 0;   // unpacked
  std::uint32_t manifest_coding = 0;  // kSealedBit: the newer bundle is sealed; its manifest never is
};
static_assert(sizeof(DeltaHead) == 40);

// How a blob is sent that the older contents lack.
struct DeltaRow {
  std::uint32_t bytes = 0;
  std::uint32_t coding = 0;
  std::uint32_t base = 0;  // of a patch: the index of a blob of the older contents
};
static_assert(sizeof(DeltaRow) == 12);

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::map<Digest, std::uint32_t> indices_of(const Manifest& manifest) {
  std::map<Digest, std::uint32_t> indices;
  for (std::size_t i = 0; i < manifest.blobs.size(); ++i)
    indices.emplace(manifest.blobs[i].digest, static_cast<std::uint32_t>(i));
  return indices;
}

// Calls use(path, tensor, part, index) for every use of a blob: the k-th part of a tensor, or of what no tensor is, in
// a file.
template <class Use>
void for_each_place(const Manifest& manifest, const Use& use) {
  for (const BundleFile& file : manifest.files) {
    std::map<std::string, std::size_t> parts;
    for (const std::uint32_t index : file.blobs) {
      const std::string& tensor = manifest.blobs[index].tensor;
      use(file.path, tensor, parts[tensor]++, index);
    }
  }
}

class Standings {
 public:
  explicit Standings(const Manifest& manifest) {
    for_each_place(manifest, [this](const auto& path, const auto& tensor, std::size_t part, std::uint32_t index) {
      by_place_.emplace(std::tuple(path, tensor, part), index);
      if (!tensor.empty()) by_tensor_.emplace(std::tuple(tensor, part), index);
    });
  }
  // What a blob of other contents may be like: the one in its place, or of its tensor in another file.
  const std::uint32_t* find(const std::string& path, const std::string& tensor, std::size_t part) const {
    const auto same = by_place_.find(std::tuple(path, tensor, part));
    if (same != by_place_.end()) return &same->second;
    const auto alike = by_tensor_.find(std::tuple(tensor, part));
    return alike == by_tensor_.end() ? nullptr : &alike->second;
  }

 private:
  std::map<std::tuple<std::string, std::string, std::size_t>, std::uint32_t> by_place_;
  std::map<std::tuple<std::string, std::size_t>, std::uint32_t> by_tensor_;
};

// For each blob of the newer contents the older one that it may be like; the first place counts.
std::map<std::uint32_t, std::uint32_t> bases_of(const Manifest& older, const Manifest& newer) {
  const Standings standings(older);
  std::map<std::uint32_t, std::uint32_t> bases;
  for_each_place(newer, [&](const auto& path, const auto& tensor, std::size_t part, std::uint32_t index) {
    const std::uint32_t* const base = standings.find(path, tensor, part);
    if (base != nullptr) bases.emplace(index, *base);
  });
  return bases;
}

bool is_coding(std::uint32_t coding) { return coding <= static_cast<std::uint32_t>(Coding::kPatch); }

}  // namespace

Status write_delta(Contents& older, Contents& newer, const Sink& sink, const Progress& told, const ContentKey* key) {
  const std::string& text = newer.manifest_text();
  BlobPacker packer;
  Packed manifest = text.size() <= kMaxBlobBytes && older.manifest_text().size() <= kMaxBlobBytes
                        ? packer.pack_against(bytes_of(older.manifest_text()), bytes_of(text))
                        : Packed{};
  const std::span<const std::byte> sent = manifest.coding == Coding::kRaw ? bytes_of(text) : manifest.bytes;
  const Head head{kDeltaMagic, kFormat, static_cast<std::uint32_t>(sent.size()), manifest_digest(newer)};
  const DeltaHead more{manifest_digest(older), static_cast<std::uint32_t>(text.size()),
                       row_coding(manifest.coding, key != nullptr)};
  RETURN_IF_ERROR(sink(std::as_bytes(std::span(&head, 1))));
  RETURN_IF_ERROR(sink(std::as_bytes(std::span(&more, 1))));
  RETURN_IF_ERROR(sink(sent));
  const std::map<Digest, std::uint32_t> known = indices_of(older.manifest());
  const std::map<std::uint32_t, std::uint32_t> bases = bases_of(older.manifest(), newer.manifest());
  const std::vector<Blob>& blobs = newer.manifest().blobs;
  const std::uint64_t total = blob_bytes(newer.manifest());
  std::uint64_t done = 0;
  std::vector<DeltaRow> rows;
  for (std::uint32_t i = 0; i < blobs.size(); ++i) {
    done += blobs[i].bytes;
    if (told) told(done, total);
    if (known.contains(blobs[i].digest)) continue;
    ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, newer.blob(i));
    const auto base = bases.find(i);
    Packed packed;
    if (base == bases.end()) {
      packed = packer.pack(bytes);
    } else {
      ASSIGN_OR_RETURN(const std::span<const std::byte> old, older.blob(base->second));
      packed = packer.pack_against(old, bytes);
    }
    const bool is_patch = packed.coding == Coding::kPatch;
    ASSIGN_OR_RETURN(const StoredForm form, stored_form(blobs[i], std::move(packed), bytes, key));
    const std::span<const std::byte> stored = form.bytes.empty() ? bytes : form.bytes;
    RETURN_IF_ERROR(sink(stored));
    rows.push_back({static_cast<std::uint32_t>(stored.size()), form.coding, is_patch ? base->second : 0});
  }
  return sink(std::as_bytes(std::span(rows)));
}

Result<Patched> Patched::open(Contents& older, ReadAt delta, std::uint64_t size_bytes) {
  Patched patched(older, std::move(delta));
  std::uint64_t blobs_at = 0;
  RETURN_IF_ERROR(patched.read_manifest(size_bytes, blobs_at));
  RETURN_IF_ERROR(patched.read_places(blobs_at, size_bytes));
  return patched;
}

Status Patched::read_manifest(std::uint64_t size_bytes, std::uint64_t& blobs_at) {
  ASSIGN_OR_RETURN(const Head head, read_head(reader_.at(), size_bytes, kDeltaMagic, "delta"));
  blobs_at = sizeof(Head) + sizeof(DeltaHead) + head.manifest_bytes;
  if (blobs_at > size_bytes) return Error{Code::kCorrupt, "the delta ends within its manifest: it is cut short"};
  ASSIGN_OR_RETURN(const DeltaHead more, read_row<DeltaHead>(reader_.at(), sizeof(Head)));
  if (more.older_manifest != manifest_digest(older_)) {
    return Error{Code::kConflict, "the delta was made from the bundle whose manifest has the SHA-256 " +
                                      more.older_manifest.hex() + ", not from this one"};
  }
  const std::uint32_t coding = more.manifest_coding & ~kSealedBit;
  is_sealed_ = coding != more.manifest_coding;
  if (more.manifest_bytes > kMaxManifestBytes || !is_coding(coding))
    return Error{Code::kCorrupt, "the delta says a form of its manifest that it cannot have"};
  std::vector<std::byte> sent(head.manifest_bytes);
  RETURN_IF_ERROR(reader_.at()(sizeof(Head) + sizeof(DeltaHead), sent));
  text_.resize(more.manifest_bytes);
  const Status done = reader_.unpacker().unpack(static_cast<Coding>(coding), sent, bytes_of(older_.manifest_text()),
                                                std::as_writable_bytes(std::span(text_)));
  if (!done) return with_context(done.error(), "the delta's manifest");
  if (bundle::manifest_digest(*this) != head.manifest_digest)
    return Error{Code::kCorrupt, "the delta's manifest has other bytes than its head says"};
  ASSIGN_OR_RETURN(manifest_, parse_manifest(text_));
  return {};
}

Status Patched::read_places(std::uint64_t blobs_at, std::uint64_t size_bytes) {
  const std::map<Digest, std::uint32_t> known = indices_of(older_.manifest());
  std::uint64_t rows_bytes = 0;
  for (const Blob& blob : manifest_.blobs) rows_bytes += known.contains(blob.digest) ? 0 : sizeof(DeltaRow);
  const Error other_size{Code::kCorrupt, "the delta has another size than it says"};
  if (rows_bytes > size_bytes - blobs_at) return other_size;
  std::uint64_t at = blobs_at;
  std::uint64_t row_at = size_bytes - rows_bytes;
  for (const Blob& blob : manifest_.blobs) {
    const auto old = known.find(blob.digest);
    if (old != known.end()) {
      places_.push_back({.is_old = true, .base = old->second});
      continue;
    }
    ASSIGN_OR_RETURN(const DeltaRow row, read_row<DeltaRow>(reader_.at(), row_at));
    row_at += sizeof(DeltaRow);
    std::optional<StoredPlace> place = place_of_row(row.coding, row.bytes, blob);
    const bool is_patch = place && place->coding == Coding::kPatch;
    const bool has_base = is_patch ? row.base < older_.manifest().blobs.size() : row.base == 0;
    if (!place || !has_base) {
      return Error{Code::kCorrupt, "the delta is broken or cut short: it says a form of blob " + blob.digest.hex() +
                                       " that it cannot have"};
    }
    place->offset = at;
    places_.push_back({false, row.base, *place});
    at += row.bytes;
  }
  return at + rows_bytes == size_bytes ? Status() : Status(other_size);
}

bool Patched::is_sealed() const {
  return is_sealed_ ||
         std::ranges::any_of(places_, [](const Place& place) { return !place.is_old && place.stored.sealed; });
}

Result<std::span<const std::byte>> Patched::blob(std::size_t index) {
  CHECK(index < places_.size());
  const Place& place = places_[index];
  if (place.is_old) return older_.blob(place.base);
  std::span<const std::byte> base;
  if (place.stored.coding == Coding::kPatch) {
    ASSIGN_OR_RETURN(base, older_.blob(place.base));
  }
  return reader_.blob(manifest_.blobs[index], place.stored, base);
}

}  // namespace arete::bundle
