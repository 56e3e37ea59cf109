// Fuzzes decode_image and what follows it: any bytes give an image of the promised size, or an
// error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/check.h"
#include "media/image/exif.h"
#include "media/image/image.h"
#include "media/image/resize.h"

using namespace arete;
using namespace arete::media;

namespace {

constexpr std::int64_t kMaxPixels = 1 << 20;  // keeps one input fast

void check_image(const Image& image, int channels) {
  CHECK(image.width > 0 && image.height > 0 && image.channels == channels);
  CHECK(std::int64_t{image.width} * image.height <= kMaxPixels);
  CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                                   static_cast<std::size_t>(channels));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  const int orientation = exif_orientation(bytes);
  CHECK(orientation >= 1 && orientation <= 8);
  DecodeOptions options;
  options.max_pixels = kMaxPixels;
  options.channels = size % 2 == 0 ? 3 : 1;
  const Result<Image> image = decode_image(bytes, options);
  if (!image) {
    CHECK(!image.error().message.empty() && image.error().code != Code::kBug);
    return 0;
  }
  check_image(*image, options.channels);
  const Result<Image> scaled = resize(*image, 9, 7);
  CHECK(scaled.has_value() && scaled->width == 9 && scaled->height == 7);
  return 0;
}
