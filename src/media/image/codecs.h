// The two decoders behind decode_image: bytes of one format -> pixels as they are stored.
//
// Not for: callers outside this folder. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "media/image/image.h"

namespace arete::media {

// Before orientation: 1 channel where the file is grey, else 3.
struct StoredImage {
  Image image;
  int orientation = 1;  // EXIF, 1..8
};

Result<StoredImage> decode_jpeg(std::span<const std::byte> bytes, std::int64_t max_pixels);
Result<StoredImage> decode_png(std::span<const std::byte> bytes, std::int64_t max_pixels);

// kExhausted naming the sizes when width * height is over the limit, kCorrupt when one is 0.
Status check_pixels(std::uint64_t width, std::uint64_t height, std::int64_t max_pixels);

// Zero-filled pixels; the sizes have been checked.
Image make_image(int width, int height, int channels);

}  // namespace arete::media
