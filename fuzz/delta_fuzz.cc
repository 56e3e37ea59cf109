// Fuzzes deltas against one older bundle: any bytes are an error, or a newer bundle whose files have their digests. The
// first five bytes are the lengths of the manifest, sent and unpacked, and its coding, so that its digest can be made
// right.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bundle/bundle_format.h"
#include "bundle/delta.h"
#include "bundle/draft.h"
#include "core/check.h"

using namespace arete;
using namespace arete::bundle;

namespace {

constexpr std::uint64_t kMaxUnpackedBytes = 1 << 22;  // keeps one input fast
constexpr std::size_t kLengths = 5;

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

Draft older() {
  static const std::string model = std::string(6000, 'a') + std::string(6000, 'b');
  Manifest manifest;
  manifest.name = "shoes";
  manifest.version = "1.0.0";
  manifest.inputs = {{"x", DType::kFloat32, {-1, 3}}};
  manifest.outputs = {{"y", DType::kFloat32, {-1, 2}}};
  manifest.variants = {{"main", "any", "onnxruntime", "main/m.onnx", {}, {}}};
  const std::span<const std::byte> bytes = std::as_bytes(std::span(model));
  const std::vector<FileDraft> files = {{"main/m.onnx", {{bytes.first(6000), "a"}, {bytes.subspan(6000), "b"}}}};
  Result<Draft> draft = Draft::make(manifest, files);
  CHECK(draft.has_value());
  return std::move(*draft);
}

void look_at(Contents& newer) {
  if (file_bytes(newer.manifest()) > kMaxUnpackedBytes) return;
  for (const BundleFile& file : newer.manifest().files) {
    Sha256 sha256;
    const Status done = read_file(newer, file, [&](std::span<const std::byte> part) -> Status {
      sha256.add(part);
      return {};
    });
    if (!done) return check_error(done.error());
    CHECK(sha256.finish() == file.digest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kLengths) return 0;
  Draft base = older();
  const std::string_view rest(reinterpret_cast<const char*>(data) + kLengths, size - kLengths);
  const std::size_t sent_bytes = static_cast<std::size_t>(data[0]) + 256 * static_cast<std::size_t>(data[1]);
  const std::uint32_t bytes = static_cast<std::uint32_t>(data[2]) + 256 * static_cast<std::uint32_t>(data[3]);
  const std::string_view sent = rest.substr(0, sent_bytes);
  std::string text(bytes, '\0');
  const auto coding = static_cast<Coding>(data[4] % 4);
  const Status unpacked =
      BlobUnpacker().unpack(coding, std::as_bytes(std::span(sent)), std::as_bytes(std::span(base.manifest_text())),
                            std::as_writable_bytes(std::span(text)));
  if (!unpacked) return 0;
  const Head head{kDeltaMagic, kFormat, static_cast<std::uint32_t>(sent.size()),
                  digest_of(std::as_bytes(std::span(text)))};
  const Digest older_digest = manifest_digest(base);
  std::string delta(reinterpret_cast<const char*>(&head), sizeof(head));
  delta.append(reinterpret_cast<const char*>(&older_digest), sizeof(older_digest));
  // Also what says that the newer bundle is sealed.
  const std::uint32_t more[2] = {bytes, data[4] < 0x80 ? data[4] : (data[4] & 3U) | 0x100U};
  delta.append(reinterpret_cast<const char*>(more), sizeof(more)).append(rest);
  Result<Patched> newer = Patched::open(base, read_at_memory(std::as_bytes(std::span(delta))), delta.size());
  if (newer) newer->unseal_with(ContentKey(Secret()));
  if (newer) look_at(*newer);
  if (!newer) check_error(newer.error());
  return 0;
}
