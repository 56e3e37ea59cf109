// Fuzzes .npy, .npz and the zip archives under them: any bytes give arrays of the promised size, or an error.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/check.h"
#include "core/npy.h"
#include "core/zip.h"

using namespace arete;

namespace {

constexpr std::size_t kMaxBytes = 1 << 22;  // keeps one input fast

void check_error(const Error& error) { CHECK(!error.message.empty() && error.code != Code::kBug); }

void check_tensor(const Tensor& tensor) {
  const Result<std::size_t> bytes = tensor_bytes(tensor.dtype(), tensor.shape());
  CHECK(bytes.has_value() && *bytes == tensor.size_bytes());
  const Result<std::string> written = write_npy(tensor);
  if (!written) return check_error(written.error());
  const Result<Tensor> again = parse_npy(std::as_bytes(std::span(*written)));
  CHECK(again.has_value() && again->shape() == tensor.shape() && again->dtype() == tensor.dtype());
  CHECK(std::ranges::equal(again->bytes(), tensor.bytes()));
}

// Each entry as a stream, as a data set reads it.
void check_streams(std::span<const std::byte> bytes) {
  const Result<std::vector<ZipEntry>> entries = read_zip_directory(read_at_memory(bytes), bytes.size());
  if (!entries) return check_error(entries.error());
  CHECK(entries->size() <= kMaxZipEntries);
  for (const ZipEntry& entry : *entries) {
    Result<std::unique_ptr<ZipStream>> stream = ZipStream::open(read_at_memory(bytes), entry);
    if (!stream) continue;
    if (const Result<NpyHeader> header = read_npy_header(**stream); !header) check_error(header.error());
    std::array<std::byte, 512> block{};
    for (std::size_t taken = 0; taken < kMaxBytes && (*stream)->read(block).has_value(); taken += block.size()) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  if (const Result<NpyHeader> header = parse_npy_header(bytes)) CHECK(header->data_offset <= size);
  if (const Result<Tensor> tensor = parse_npy(bytes)) {
    check_tensor(*tensor);
  } else {
    check_error(tensor.error());
  }
  if (const Result<std::vector<NamedTensor>> arrays = parse_npz(bytes, kMaxBytes)) {
    for (const NamedTensor& array : *arrays) check_tensor(array.tensor);
  } else {
    check_error(arrays.error());
  }
  check_streams(bytes);
  return 0;
}
