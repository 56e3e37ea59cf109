#include "core/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

namespace arete {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

Error corrupt(const std::string& what) { return {Code::kCorrupt, ".npy: " + what}; }

// The text after `'key':` in the header's dictionary, or empty.
std::string_view after_key(std::string_view header, std::string_view key) {
  const std::string quoted = "'" + std::string(key) + "'";
  std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return {};
  at = header.find(':', at + quoted.size());
  if (at == std::string_view::npos) return {};
  at = header.find_first_not_of(' ', at + 1);
  return at == std::string_view::npos ? std::string_view() : header.substr(at);
}

Result<DType> parse_descr(std::string_view text) {
  if (text.size() < 2 || (text[0] != '\'' && text[0] != '"')) {
    return Error{Code::kUnsupported, ".npy: structured dtypes cannot be tensors; save one array a field"};
  }
  const std::string_view descr = text.substr(1, text.find(text[0], 1) - 1);
  if (!descr.empty() && descr[0] == '>') {
    return Error{Code::kUnsupported,
                 ".npy: big-endian data; save it again after x.astype('<" + std::string(descr.substr(1)) + "')"};
  }
  const bool has_order = !descr.empty() && (descr[0] == '<' || descr[0] == '|' || descr[0] == '=');
  const std::optional<DType> dtype = dtype_from_numpy(has_order ? descr.substr(1) : descr);
  if (!dtype) return Error{Code::kUnsupported, ".npy: dtype '" + std::string(descr) + "' is no tensor type"};
  return *dtype;
}

Result<Shape> parse_shape(std::string_view text) {
  const std::size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) return corrupt("no shape in the header");
  Shape shape;
  std::string_view rest = text.substr(1, end - 1);
  while (true) {
    const std::size_t digit = rest.find_first_not_of(" ,");
    if (digit == std::string_view::npos) break;
    rest.remove_prefix(digit);
    std::int64_t size = 0;
    const auto [stop, code] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
    if (code != std::errc()) return corrupt("the shape is not a list of numbers");
    shape.push_back(size);
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  }
  RETURN_IF_ERROR(element_count(shape));
  return shape;
}

Result<NpyHeader> parse_dictionary(std::string_view header, std::size_t data_offset) {
  ASSIGN_OR_RETURN(const DType dtype, parse_descr(after_key(header, "descr")));
  if (after_key(header, "fortran_order").starts_with("True")) {
    return Error{Code::kUnsupported, ".npy: Fortran order; save it again after np.ascontiguousarray(x)"};
  }
  ASSIGN_OR_RETURN(Shape shape, parse_shape(after_key(header, "shape")));
  return NpyHeader{dtype, std::move(shape), data_offset};
}

// The fixed part: magic, version, header length. Returns {length, bytes of the fixed part}.
struct Preamble {
  std::size_t header_bytes = 0;
  std::size_t fixed_bytes = 0;
};

Result<Preamble> parse_preamble(std::span<const std::byte> bytes) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return corrupt("no NumPy array (the magic bytes are missing)");
  }
  const auto major = static_cast<unsigned>(bytes[6]);
  if (major < 1 || major > 3) return Error{Code::kUnsupported, ".npy: format version " + std::to_string(major)};
  std::uint32_t length = static_cast<std::uint32_t>(bytes[8]) | static_cast<std::uint32_t>(bytes[9]) << 8;
  std::size_t fixed = 10;
  if (major >= 2) {
    if (bytes.size() < 12) return corrupt("cut short");
    length |= static_cast<std::uint32_t>(bytes[10]) << 16 | static_cast<std::uint32_t>(bytes[11]) << 24;
    fixed = 12;
  }
  if (length > kMaxNpyHeaderBytes) return Error{Code::kExhausted, ".npy: the header is over 64 KiB"};
  return Preamble{length, fixed};
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::byte> bytes) {
  ASSIGN_OR_RETURN(const Preamble preamble, parse_preamble(bytes));
  const std::size_t offset = preamble.fixed_bytes + preamble.header_bytes;
  if (bytes.size() < offset) return corrupt("cut short");
  return parse_dictionary(as_text(bytes.subspan(preamble.fixed_bytes, preamble.header_bytes)), offset);
}

Result<NpyHeader> read_npy_header(ZipStream& stream) {
  std::vector<std::byte> bytes(12);
  RETURN_IF_ERROR(stream.read(std::span(bytes).first(10)));
  if (static_cast<unsigned>(bytes[6]) >= 2) {
    RETURN_IF_ERROR(stream.read(std::span(bytes).subspan(10, 2)));
  } else {
    bytes.resize(10);
  }
  ASSIGN_OR_RETURN(const Preamble preamble, parse_preamble(bytes));
  bytes.resize(preamble.fixed_bytes + preamble.header_bytes);
  RETURN_IF_ERROR(stream.read(std::span(bytes).subspan(preamble.fixed_bytes)));
  return parse_npy_header(bytes);
}

Result<Tensor> parse_npy(std::span<const std::byte> bytes) {
  ASSIGN_OR_RETURN(NpyHeader header, parse_npy_header(bytes));
  ASSIGN_OR_RETURN(const std::size_t wanted, tensor_bytes(header.dtype, header.shape));
  const std::span<const std::byte> data = bytes.subspan(header.data_offset);
  if (data.size() != wanted) {
    return corrupt("the shape " + to_string(header.shape) + " needs " + std::to_string(wanted) +
                   " bytes of data, the file has " + std::to_string(data.size()));
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(header.dtype, std::move(header.shape)));
  std::ranges::copy(data, tensor.mutable_bytes().begin());
  return tensor;
}

Result<std::string> write_npy(const Tensor& tensor) {
  const std::string_view type = describe(tensor.dtype()).numpy;
  if (type.empty()) {
    return Error{Code::kUnsupported, "NumPy has no dtype " + std::string(name_of(tensor.dtype()))};
  }
  std::string shape;
  for (const std::int64_t size : tensor.shape()) shape += std::to_string(size) + ", ";
  if (tensor.shape().size() > 1) shape.resize(shape.size() - 2);
  if (tensor.shape().size() == 1) shape.pop_back();  // "(3,)"
  const bool single_byte = bits_of(tensor.dtype()) == 8;
  std::string header = std::string("{'descr': '") + (single_byte ? "|" : "<") + std::string(type) +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append((64 - (kMagic.size() + 4 + header.size() + 1) % 64) % 64, ' ');  // data starts at 64 n
  header += '\n';
  std::string out(kMagic);
  out += {'\x01', '\x00', static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  out += header;
  return out.append(as_text(tensor.bytes()));
}

Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> bytes, std::size_t max_bytes) {
  const ReadAt read = read_at_memory(bytes);
  ASSIGN_OR_RETURN(const std::vector<ZipEntry> entries, read_zip_directory(read, bytes.size()));
  std::vector<NamedTensor> tensors;
  std::size_t budget = max_bytes;
  for (const ZipEntry& entry : entries) {
    if (entry.size_bytes > budget) {
      return Error{Code::kExhausted,
                   ".npz: the arrays are larger than the limit of " + std::to_string(max_bytes) + " bytes"};
    }
    budget -= entry.size_bytes;
    ASSIGN_OR_RETURN(const std::unique_ptr<ZipStream> stream, ZipStream::open(read, entry));
    std::vector<std::byte> content(entry.size_bytes);
    RETURN_IF_ERROR(stream->read(content));
    Result<Tensor> tensor = parse_npy(content);
    if (!tensor) return with_context(std::move(tensor).error(), entry.name);
    std::string name = entry.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    tensors.push_back({std::move(name), std::move(*tensor)});
  }
  return tensors;
}

Result<std::string> write_npz(std::span<const NamedTensor> tensors) {
  ZipWriter writer;
  for (const NamedTensor& named : tensors) {
    ASSIGN_OR_RETURN(const std::string bytes, write_npy(named.tensor));
    writer.add(named.name + ".npy", std::as_bytes(std::span(bytes)));
  }
  return std::move(writer).finish();
}

}  // namespace arete
