// Fuzzes decode_image and decode_into: any bytes give an image of the promised size, or an error; and the short way
// into a slot gives what the single steps give.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/check.h"
#include "media/image/exif.h"
#include "media/image/image.h"
#include "media/image/resize.h"
#include "media/image/to_tensor.h"

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

InputCard card_for(std::size_t size, int channels) {
  InputCard card;
  card.kind = InputKind::kImage;
  card.width = 9;
  card.height = 7;
  card.mean.assign(static_cast<std::size_t>(channels), 0.0F);
  card.std.assign(static_cast<std::size_t>(channels), 1.0F);
  card.layout = PixelLayout::kNhwc;
  card.resize = static_cast<ResizeFilter>(size / 2 % 4);
  return card;
}

// `image` has been decoded from the same bytes.
void check_slot(std::span<const std::byte> bytes, const Image& image) {
  InputCard card = card_for(bytes.size(), image.channels);
  std::vector<std::byte> slot(static_cast<std::size_t>(9 * 7 * image.channels));
  CHECK(decode_into(bytes, card, DType::kUint8, slot).has_value());
  const Result<Image> scaled = resize(image, 9, 7, card.resize);
  CHECK(scaled.has_value() && scaled->width == 9 && scaled->height == 7);
  CHECK(std::ranges::equal(slot, std::as_bytes(std::span(scaled->pixels))));
  card.crop_resize = 9 + static_cast<int>(bytes.size() % 5);
  card.decode = DecodeMode::kScaled;
  const Status cropped = decode_into(bytes, card, DType::kUint8, slot);
  CHECK(cropped.has_value() || cropped.error().code == Code::kExhausted);
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
  check_slot(bytes, *image);
  return 0;
}
