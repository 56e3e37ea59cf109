#include <spng.h>

#include <memory>
#include <string>

#include "media/image/codecs.h"
#include "media/image/exif.h"

namespace arete::media {
namespace {

// A text or profile chunk may unpack to megabytes; pixels do not need any of them.
constexpr std::size_t kMaxChunkBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxChunkCacheBytes = std::size_t{32} << 20;
// Deflate shrinks at most 1032 times (RFC 1951: 258 bytes in 2 bits).
constexpr std::uint64_t kMaxDeflateRatio = 1032;

struct CloseDecoder {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Decoder = std::unique_ptr<spng_ctx, CloseDecoder>;

Error refused(int code) {
  const bool cut_short = code == SPNG_EOF || code == SPNG_IO_EOF || code == SPNG_EIDAT_TOO_SHORT;
  if (cut_short) return {Code::kCorrupt, "the PNG is cut short"};
  if (code == SPNG_EOVERFLOW) {
    return {Code::kExhausted, "the PNG declares more pixels than memory can hold; scale it down first"};
  }
  if (code == SPNG_EMEM) return {Code::kExhausted, "no memory to decode a PNG"};
  return {Code::kCorrupt, std::string("the PNG does not decode: ") + spng_strerror(code)};
}

Status start(spng_ctx* decoder, std::span<const std::byte> bytes, spng_ihdr& header) {
  int code = spng_set_chunk_limits(decoder, kMaxChunkBytes, kMaxChunkCacheBytes);
  if (code == 0) code = spng_set_crc_action(decoder, SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
  if (code == 0) code = spng_set_png_buffer(decoder, bytes.data(), bytes.size());
  if (code == 0) code = spng_get_ihdr(decoder, &header);
  return code == 0 ? Status() : refused(code);
}

// Bits a pixel as stored.
std::uint64_t stored_bits(const spng_ihdr& header) {
  switch (header.color_type) {
    case SPNG_COLOR_TYPE_TRUECOLOR:
      return 3U * header.bit_depth;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      return 2U * header.bit_depth;
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA:
      return 4U * header.bit_depth;
    default:
      return header.bit_depth;
  }
}

Status check_header(const spng_ihdr& header, std::size_t file_bytes, std::int64_t max_pixels) {
  RETURN_IF_ERROR(check_pixels(header.width, header.height, max_pixels));
  const std::uint64_t stored_bytes = header.width * stored_bits(header) / 8 * header.height;
  if (stored_bytes / kMaxDeflateRatio > file_bytes) return Error{Code::kCorrupt, "the PNG is cut short"};
  return {};
}

// Chunks behind the pixels may hold the EXIF; damage there does not spoil the picture.
int read_orientation(spng_ctx* decoder) {
  spng_decode_chunks(decoder);
  spng_exif exif{};
  if (spng_get_exif(decoder, &exif) != 0) return 1;
  return exif_orientation(std::as_bytes(std::span(exif.data, exif.length)));
}

}  // namespace

Result<StoredImage> decode_png(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels) {
  const Decoder decoder(spng_ctx_new(0));
  if (decoder == nullptr) return Error{Code::kExhausted, "no memory to decode a PNG"};
  spng_ihdr header{};
  RETURN_IF_ERROR(start(decoder.get(), bytes, header));
  RETURN_IF_ERROR(check_header(header, bytes.size(), options.max_pixels));

  // The library gives grey only from grey of up to 8 bits; all else becomes RGB, high bytes kept.
  const bool is_grey = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth <= 8;
  StoredImage stored;
  stored.width = static_cast<int>(header.width);
  stored.height = static_cast<int>(header.height);
  stored.full = {stored.width, stored.height};
  stored.channels = is_grey ? 1 : 3;
  const std::size_t size_bytes = std::size_t{header.width} * header.height * static_cast<std::size_t>(stored.channels);
  const int format = is_grey ? SPNG_FMT_G8 : SPNG_FMT_RGB8;
  const int code = spng_decode_image(decoder.get(), pixels.reserve(size_bytes), size_bytes, format, 0);
  if (code != 0) return refused(code);
  stored.orientation = read_orientation(decoder.get());
  return stored;
}

}  // namespace arete::media
