// Fuzzes the engine's look at a file beside graph/'s reading of it: what the one accepts holds for the other.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/check.h"
#include "engine/onnx_scan.h"
#include "graph/onnx_io.h"

using namespace arete;

namespace {

constexpr std::size_t kMaxInput = 1 << 18;  // keeps one input fast

// Any location holds the same 4 KiB; every one that is asked for must have been seen by the scan.
graph::ReadOptions with_files(const engine::OnnxScan* scan) {
  static const SharedBytes file = share_bytes(std::string(4096, 'x'));
  return {[scan](const std::string& location) -> Result<SharedBytes> {
    CHECK(scan == nullptr || scan->external_files.contains(location));
    return file;
  }};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxInput) return 0;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const Result<engine::OnnxScan> scan = engine::scan_onnx(bytes);
  if (!scan) CHECK(!scan.error().message.empty() && scan.error().code != Code::kBug);
  if (scan) static_cast<void>(engine::dequantises_weights_only(*scan));
  static_cast<void>(graph::read_onnx(bytes, with_files(scan ? &*scan : nullptr)));
  return 0;
}
