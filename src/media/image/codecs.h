// The decoders behind decode_image and decode_into: bytes of one format -> pixels as they are stored.
//
// Not for: callers outside this folder. Threads: pure functions; a buffer is of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "core/result.h"
#include "media/image/image.h"
#include "media/image/pixel_buffer.h"

namespace arete::media {

// Before orientation; the pixels lie in the buffer, rows close together.
struct StoredImage {
  int width = 0;
  int height = 0;
  int channels = 0;     // 1 where the file is grey, else 3
  int orientation = 1;  // EXIF, 1..8
  int scale = 1;        // 2, 4, 8: the decoder has shrunk each side so much, rounded up
  // Of the file, before scaling.
  ImageSize full;
};

// What a stored picture of that size and orientation will be shrunk to, in stored axes; asked only where scaling is
// allowed. A side of 0 or less: unknown, do not scale.
using WantedSize = std::function<ImageSize(ImageSize full, int orientation)>;

struct StoredOptions {
  std::int64_t max_pixels = kMaxImagePixels;
  WantedSize wanted;  // empty: decode at full size
};

// Where scaling is allowed, no side of what is decoded is below this many times the wanted one.
inline constexpr int kScaleMargin = 2;

Result<StoredImage> decode_jpeg(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels);
Result<StoredImage> decode_png(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels);
// Whichever of them it is. The errors of decode_image.
Result<StoredImage> decode_stored(std::span<const std::byte> bytes, const StoredOptions& options, PixelBuffer& pixels);

// Colour becomes grey in place (ITU-R 601-2); grey stays.
void make_grey(StoredImage& stored, PixelBuffer& pixels);

// kExhausted naming the sizes when width * height is over the limit, kCorrupt when one is 0.
Status check_pixels(std::uint64_t width, std::uint64_t height, std::int64_t max_pixels);

// Zero-filled pixels; the sizes have been checked.
Image make_image(int width, int height, int channels);

}  // namespace arete::media
