// Fuzzes bundles: a manifest of any bytes in front of blobs of any bytes. Either an error, or files whose bytes have
// the digests that the manifest says. The first two bytes are the manifest's length, so that its digest can be made
// right. The content key of what is sealed is all zeros.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "bundle/bundle.h"
#include "bundle/bundle_format.h"
#include "bundle/difference.h"
#include "core/check.h"

using namespace arete;

namespace {

constexpr std::uint64_t kMaxUnpackedBytes = 1 << 22;  // keeps one input fast

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

void look_at(bundle::Bundle& opened) {
  const bundle::Manifest& manifest = opened.manifest();
  const std::string text = bundle::write_manifest(manifest);
  const Result<bundle::Manifest> again = bundle::parse_manifest(text);
  CHECK(again.has_value() && bundle::write_manifest(*again) == text);
  CHECK(bundle::difference(text, text)->files.empty());
  if (file_bytes(manifest) > kMaxUnpackedBytes) return;
  for (const bundle::BundleFile& file : manifest.files) {
    std::uint64_t bytes = 0;
    bundle::Sha256 sha256;
    const Status done = read_file(opened, file, [&](std::span<const std::byte> part) -> Status {
      bytes += part.size();
      sha256.add(part);
      return {};
    });
    if (!done) return check_error(done.error());
    CHECK(bytes == file.bytes && sha256.finish() == file.digest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string_view text =
      rest.substr(0, static_cast<std::size_t>(data[0]) + 256 * static_cast<std::size_t>(data[1]));
  bundle::Head head;
  head.manifest_bytes = static_cast<std::uint32_t>(text.size());
  head.manifest_digest = bundle::digest_of(std::as_bytes(std::span(text)));
  const std::string bytes = std::string(reinterpret_cast<const char*>(&head), sizeof(head)) + std::string(rest);
  Result<bundle::Bundle> opened = bundle::Bundle::open(read_at_memory(std::as_bytes(std::span(bytes))), bytes.size());
  if (opened && opened->is_sealed()) {
    opened->unseal_with(bundle::ContentKey(bundle::Secret()));
    CHECK(opened->content_key() != nullptr);
  }
  if (opened) look_at(*opened);
  if (!opened) check_error(opened.error());
  return 0;
}
