#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <string_view>

#include "media/image/codecs.h"
#include "media/image/exif.h"
#include "media/image/image.h"

namespace arete::media {
namespace {

using namespace std::string_view_literals;

using Decoder = Result<StoredImage> (*)(std::span<const std::byte> bytes, const StoredOptions& options,
                                        PixelBuffer& pixels);

// How a file of each format begins. No decoder: known by name only.
struct FormatRow {
  std::string_view name;
  std::size_t offset;
  std::string_view magic;
  Decoder decode;
};

constexpr std::array<FormatRow, 17> kFormats = {{
    {"JPEG", 0, "\xFF\xD8\xFF"sv, decode_jpeg},
    {"PNG", 0, "\x89PNG\r\n\x1A\n"sv, decode_png},
    {"WebP", 8, "WEBP"sv, nullptr},
    {"GIF", 0, "GIF8"sv, nullptr},
    {"BMP", 0, "BM"sv, nullptr},
    {"TIFF", 0, "II*\0"sv, nullptr},
    {"TIFF", 0, "MM\0*"sv, nullptr},
    {"HEIC", 4, "ftyphei"sv, nullptr},
    {"HEIC", 4, "ftyphev"sv, nullptr},
    {"HEIC", 4, "ftypmif1"sv, nullptr},
    {"AVIF", 4, "ftypavi"sv, nullptr},
    {"JPEG 2000", 4, "jP  "sv, nullptr},
    {"JPEG XL", 0, "\xFF\x0A"sv, nullptr},
    {"JPEG XL", 4, "JXL "sv, nullptr},
    {"ICO", 0, "\0\0\1\0"sv, nullptr},
    {"PDF", 0, "%PDF"sv, nullptr},
    {"NumPy", 0, "\x93NUMPY"sv, nullptr},
}};

const FormatRow* find_format(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const FormatRow& row : kFormats) {
    if (text.size() >= row.offset && text.substr(row.offset).starts_with(row.magic)) return &row;
  }
  return nullptr;
}

// The first bytes in hexadecimal, for a message about a format that nobody knows.
std::string first_bytes(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte value : bytes.first(std::min<std::size_t>(bytes.size(), 8))) {
    const auto number = std::to_integer<unsigned>(value);
    text += (text.empty() ? "" : " ") + std::string{kDigits[number >> 4], kDigits[number & 15]};
  }
  return text;
}

Image copy_of(const StoredImage& stored, const PixelBuffer& pixels, int channels) {
  Image image{stored.width, stored.height, channels, {}};
  const std::size_t count = static_cast<std::size_t>(stored.width) * static_cast<std::size_t>(stored.height);
  const std::uint8_t* const from = pixels.data();
  if (stored.channels == channels) {
    image.pixels.assign(from, from + count * static_cast<std::size_t>(channels));
    return image;
  }
  image.pixels.resize(count * 3);
  std::uint8_t* to = image.pixels.data();
  for (std::size_t i = 0; i < count; ++i) to = std::fill_n(to, 3, from[i]);
  return image;
}

}  // namespace

Result<StoredImage> decode_stored(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels) {
  if (bytes.empty()) return Error{Code::kCorrupt, "the image is empty (0 bytes)"};
  const FormatRow* const format = find_format(bytes);
  if (format == nullptr) {
    return Error{Code::kUnsupported, "no image format that we know (it begins with the bytes " + first_bytes(bytes) +
                                         "); save it as JPEG or PNG"};
  }
  if (format->decode == nullptr) {
    return Error{Code::kUnsupported, std::string(format->name) + " images are not supported; save it as JPEG or PNG"};
  }
  return format->decode(bytes, options, pixels);
}

// In 16-bit fixed point, with the weights and the rounding that Pillow uses.
void make_grey(StoredImage& stored, PixelBuffer& pixels) {
  if (stored.channels == 1) return;
  const std::size_t count = static_cast<std::size_t>(stored.width) * static_cast<std::size_t>(stored.height);
  const std::uint8_t* from = pixels.data();
  std::uint8_t* to = pixels.data();
  for (std::size_t i = 0; i < count; ++i, from += 3) {
    *to++ = static_cast<std::uint8_t>((from[0] * 19595U + from[1] * 38470U + from[2] * 7471U + 0x8000U) >> 16);
  }
  stored.channels = 1;
}

Image make_image(int width, int height, int channels) {
  const std::size_t count =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels);
  return {width, height, channels, std::vector<std::uint8_t>(count)};
}

Status check_pixels(std::uint64_t width, std::uint64_t height, std::int64_t max_pixels) {
  if (width == 0 || height == 0) return Error{Code::kCorrupt, "the image has no pixels"};
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(max_pixels, 0));
  const std::string sizes = std::to_string(width) + "x" + std::to_string(height) + " pixels";
  if (std::max(width, height) > kMaxImageSide) {
    return Error{Code::kExhausted,
                 "the image is " + sizes + ", over the limit of " + std::to_string(kMaxImageSide) + " a side"};
  }
  if (width * height <= limit) return {};
  return Error{Code::kExhausted, "the image is " + sizes + ", over the limit of " + std::to_string(max_pixels) +
                                     " in all; scale it down first"};
}

Result<Image> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options) {
  if (options.channels != 1 && options.channels != 3) {
    return Error{Code::kInvalid, "images are decoded to 1 or 3 channels, not to " + std::to_string(options.channels)};
  }
  try {
    PixelBuffer pixels;
    StoredOptions stored_options;
    stored_options.max_pixels = options.max_pixels;
    ASSIGN_OR_RETURN(StoredImage stored, decode_stored(bytes, stored_options, pixels));
    if (options.channels == 1) make_grey(stored, pixels);
    Image image = copy_of(stored, pixels, options.channels);
    pixels.keep_at_most(0);
    if (options.orientation == Orientation::kIgnore) return image;
    return apply_orientation(std::move(image), stored.orientation);
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory to decode an image"};
  }
}

}  // namespace arete::media
