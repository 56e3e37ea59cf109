#include "bundle/contents.h"

#include "bundle/bundle_format.h"
#include "bundle/stored_reader.h"

namespace arete::bundle {

Digest manifest_digest(const Contents& contents) {
  return digest_of(std::as_bytes(std::span(contents.manifest_text())));
}

Status read_file(Contents& contents, const BundleFile& file, const Sink& sink) {
  Sha256 whole;
  for (const std::uint32_t index : file.blobs) {
    ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, contents.blob(index));
    whole.add(bytes);
    RETURN_IF_ERROR(sink(bytes));
  }
  if (whole.finish() == file.digest) return {};
  return Error{Code::kCorrupt, "'" + file.path + "' has other bytes than its digest says"};
}

Status verify(Contents& contents, const Progress& told) {
  const std::uint64_t total = blob_bytes(contents.manifest());
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < contents.manifest().blobs.size(); ++i) {
    ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, contents.blob(i));
    done += bytes.size();
    if (told) told(done, total);
  }
  return {};
}

Status write_bundle(Contents& contents, const Sink& sink, const Progress& told, const ContentKey* key) {
  const std::string& text = contents.manifest_text();
  Head head;
  head.manifest_bytes = static_cast<std::uint32_t>(text.size());
  head.manifest_digest = manifest_digest(contents);
  RETURN_IF_ERROR(sink(std::as_bytes(std::span(&head, 1))));
  RETURN_IF_ERROR(sink(std::as_bytes(std::span(text))));
  const std::uint64_t total = blob_bytes(contents.manifest());
  std::uint64_t done = 0;
  std::vector<StoredRow> rows;
  BlobPacker packer;
  for (std::size_t i = 0; i < contents.manifest().blobs.size(); ++i) {
    ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, contents.blob(i));
    ASSIGN_OR_RETURN(const StoredForm form, stored_form(contents.manifest().blobs[i], packer.pack(bytes), bytes, key));
    const std::span<const std::byte> stored = form.bytes.empty() ? bytes : form.bytes;
    RETURN_IF_ERROR(sink(stored));
    rows.push_back({static_cast<std::uint32_t>(stored.size()), form.coding});
    done += bytes.size();
    if (told) told(done, total);
  }
  return sink(std::as_bytes(std::span(rows)));
}

}  // namespace arete::bundle
