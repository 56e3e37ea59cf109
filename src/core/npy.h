// Reading and writing NumPy's .npy arrays and .npz archives.
//
// Takes C-order little-endian arrays of the dtypes that numpy and ONNX share; Fortran order,
// big-endian and object arrays are kUnsupported and the error says how to save again.
// Spec: numpy/lib/format.py (NEP 1), versions 1.0 to 3.0.
// Threads: pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "core/zip.h"

namespace arete {

inline constexpr std::size_t kMaxNpyHeaderBytes = 65536;

struct NpyHeader {
  DType dtype = DType::kUndefined;
  Shape shape;
  std::size_t data_offset = 0;  // where the elements start
};

// Reads the header at the front of `bytes` (at least the header must be there).
Result<NpyHeader> parse_npy_header(std::span<const std::byte> bytes);
// Reads a header from a stream and leaves the stream at the first element.
Result<NpyHeader> read_npy_header(ZipStream& stream);

// A whole .npy file. Copies the elements.
Result<Tensor> parse_npy(std::span<const std::byte> bytes);
// kUnsupported for dtypes that numpy lacks (strings, bfloat16, float8, 4-bit).
Result<std::string> write_npy(const Tensor& tensor);

// A whole .npz file; names without their ".npy". kExhausted when the arrays together would be
// larger than max_bytes (an archive of a few bytes may claim terabytes).
Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> bytes, std::size_t max_bytes);
Result<std::string> write_npz(std::span<const NamedTensor> tensors);

}  // namespace arete
