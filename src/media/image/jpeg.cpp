#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "media/image/codecs.h"
#include "media/image/exif.h"

namespace arete::media {
namespace {

constexpr unsigned kStartOfScan = 0xDA;
constexpr unsigned kEndOfImage = 0xD9;
constexpr unsigned kApp1 = 0xE1;
constexpr std::string_view kExifMark("Exif\0\0", 6);
// Accurate (islow) DCT is what Pillow uses; more than 500 scans are an attack.
constexpr int kDecodeFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;

struct CloseDecoder {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decoder = std::unique_ptr<std::remove_pointer_t<tjhandle>, CloseDecoder>;

Error cut_short() { return {Code::kCorrupt, "the JPEG is cut short"}; }

// What stands between the start of the file and the first scan.
struct JpegHeader {
  unsigned frame = 0;  // number of the SOF marker: the kind of compression; 0 when there is none
  std::size_t width = 0;
  std::size_t height = 0;
  int orientation = 1;
  std::size_t scan_at = 0;  // of the first scan; 0: there is none
};

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

bool is_frame(unsigned marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void read_segment(unsigned marker, std::span<const std::byte> content, JpegHeader& header) {
  if (is_frame(marker) && header.frame == 0 && content.size() >= 6) {
    header.frame = marker;
    header.height = byte_at(content, 1) << 8 | byte_at(content, 2);
    header.width = byte_at(content, 3) << 8 | byte_at(content, 4);
  }
  const bool is_exif = marker == kApp1 && content.size() > kExifMark.size() &&
                       std::memcmp(content.data(), kExifMark.data(), kExifMark.size()) == 0;
  if (is_exif && header.orientation == 1) {
    header.orientation = exif_orientation(content.subspan(kExifMark.size()));
  }
}

// Markers without a length behind them: TEM, RST0 to RST7, SOI, EOI.
bool stands_alone(unsigned marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9); }

// Walks the segments up to the first scan; each step moves forward, so that it ends.
JpegHeader read_header(std::span<const std::byte> bytes) {
  JpegHeader header;
  for (std::size_t at = 2; at + 4 <= bytes.size();) {
    const unsigned marker = byte_at(bytes, at + 1);
    if (byte_at(bytes, at) != 0xFF || marker == 0xFF || marker == 0) {
      ++at;  // padding, or rubbish between segments
      continue;
    }
    if (marker == kStartOfScan) {
      header.scan_at = at;
      break;
    }
    if (stands_alone(marker)) {
      at += 2;
      continue;
    }
    const std::size_t length = byte_at(bytes, at + 2) << 8 | byte_at(bytes, at + 3);
    if (length < 2 || length > bytes.size() - at - 2) break;
    read_segment(marker, bytes.subspan(at + 4, length - 2), header);
    at += 2 + length;
  }
  return header;
}

// Entropy-coded data never holds FF D9, so that a file without it behind the first scan is cut
// short.
bool has_end(std::span<const std::byte> bytes, std::size_t from) {
  for (std::size_t at = bytes.size() - 1; at > from; --at) {
    if (byte_at(bytes, at) == kEndOfImage && byte_at(bytes, at - 1) == 0xFF) return true;
  }
  return false;
}

// A Huffman code takes at least a bit for each block of 64 pixels, an arithmetic one may take less.
bool can_hold(std::size_t file_bytes, const JpegHeader& header) {
  const bool is_huffman = header.frame >= 0xC0 && header.frame <= 0xC3;
  return !is_huffman || header.width * header.height / 512 <= file_bytes;
}

Status check_header(std::span<const std::byte> bytes, const JpegHeader& header, std::int64_t max_pixels) {
  if (header.scan_at == 0 || header.frame == 0) return cut_short();
  RETURN_IF_ERROR(check_pixels(header.width, header.height, max_pixels));
  if (!can_hold(bytes.size(), header) || !has_end(bytes, header.scan_at)) return cut_short();
  return {};
}

Error refused(tjhandle decoder) {
  const std::string why = tjGetErrorStr2(decoder);
  const bool unsupported = why.find("Unsupported") != std::string::npos;
  return {unsupported ? Code::kUnsupported : Code::kCorrupt, "the JPEG does not decode: " + why};
}

// The decoder's own view of the sizes must be ours: the buffer is made from them.
Result<int> read_colorspace(tjhandle decoder, std::span<const std::byte> bytes, const JpegHeader& header) {
  int width = 0;
  int height = 0;
  int subsampling = -1;
  int colorspace = -1;
  const int code = tjDecompressHeader3(decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                       &width, &height, &subsampling, &colorspace);
  // An uncommon subsampling has no name but decodes all the same.
  const bool unnamed = code != 0 && width > 0 && height > 0 && subsampling < 0 && colorspace >= 0;
  if (code != 0 && !unnamed) return refused(decoder);
  if (static_cast<std::size_t>(width) != header.width || static_cast<std::size_t>(height) != header.height) {
    return Error{Code::kCorrupt, "the JPEG does not decode: its header contradicts itself"};
  }
  return colorspace;
}

// Only 2, 4 and 8 have fast code in the library.
int scale_for(ImageSize full, ImageSize wanted) {
  if (wanted.width <= 0 || wanted.height <= 0) return 1;
  int scale = 8;
  while (scale > 1 && (full.width / scale < std::int64_t{kScaleMargin} * wanted.width ||
                       full.height / scale < std::int64_t{kScaleMargin} * wanted.height)) {
    scale /= 2;
  }
  return scale;
}

// Damage that still leaves a picture, with which Pillow is content: the texts of the library's warnings. Its code for
// them is no help, since an error behind a warning has it too, and leaves the rest of the buffer as it was.
bool leaves_picture(std::string_view why) {
  constexpr std::array<std::string_view, 5> kWarnings = {"Corrupt JPEG data", "Inconsistent progression sequence",
                                                         "Invalid SOS parameters for sequential",
                                                         "Unknown Adobe color transform", "Warning: unknown JFIF"};
  return std::ranges::any_of(kWarnings, [why](std::string_view text) { return why.starts_with(text); });
}

Status decompress(tjhandle decoder, std::span<const std::byte> bytes, TJPF format, const StoredImage& stored,
                  std::uint8_t* into) {
  const int code = tjDecompress2(decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), into,
                                 stored.width, 0, stored.height, format, kDecodeFlags);
  if (code == 0) return {};
  const std::string_view why = tjGetErrorStr2(decoder);
  if (why.find("remature end of JPEG") != std::string_view::npos) return cut_short();
  return leaves_picture(why) ? Status() : refused(decoder);
}

// round(a * b / 255) in whole numbers, as Pillow rounds it.
unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Inks as Adobe stores them, inverted: 255 is no ink. In place: three bytes never reach the next four.
void cmyk_to_rgb(std::size_t count, std::uint8_t* pixels) {
  const std::uint8_t* from = pixels;
  for (std::uint8_t* to = pixels; to != pixels + 3 * count; to += 3, from += 4) {
    const unsigned light = from[3];
    for (std::size_t i = 0; i < 3; ++i) to[i] = static_cast<std::uint8_t>(light - scaled(255U - from[i], light));
  }
}

// The decoder rounds up.
int shrunk(int side, int scale) { return (side + scale - 1) / scale; }

}  // namespace

Result<StoredImage> decode_jpeg(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels) {
  const JpegHeader header = read_header(bytes);
  RETURN_IF_ERROR(check_header(bytes, header, options.max_pixels));
  const Decoder decoder(tjInitDecompress());
  if (decoder == nullptr) return Error{Code::kExhausted, "no memory to decode a JPEG"};
  ASSIGN_OR_RETURN(const int colorspace, read_colorspace(decoder.get(), bytes, header));

  StoredImage stored;
  stored.full = {static_cast<int>(header.width), static_cast<int>(header.height)};
  stored.orientation = header.orientation;
  if (options.wanted) stored.scale = scale_for(stored.full, options.wanted(stored.full, stored.orientation));
  stored.width = shrunk(stored.full.width, stored.scale);
  stored.height = shrunk(stored.full.height, stored.scale);
  const bool is_inks = colorspace == TJCS_CMYK || colorspace == TJCS_YCCK;
  const TJPF format = is_inks ? TJPF_CMYK : colorspace == TJCS_GRAY ? TJPF_GRAY : TJPF_RGB;
  const std::size_t decoded_channels = is_inks ? 4 : colorspace == TJCS_GRAY ? 1 : 3;
  const std::size_t count = static_cast<std::size_t>(stored.width) * static_cast<std::size_t>(stored.height);
  std::uint8_t* const into = pixels.reserve(count * decoded_channels);
  RETURN_IF_ERROR(decompress(decoder.get(), bytes, format, stored, into));
  if (is_inks) cmyk_to_rgb(count, into);
  stored.channels = colorspace == TJCS_GRAY ? 1 : 3;
  return stored;
}

}  // namespace arete::media
