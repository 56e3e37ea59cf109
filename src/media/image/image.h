// Image: 8-bit pixels in memory, and decode_image, which makes them from JPEG or PNG bytes.
//
// Pixels equal Pillow's `ImageOps.exif_transpose(Image.open(f)).convert("RGB" or "L")`, because
// that is what models are trained with. Two deliberate differences: 16-bit grey PNGs keep the high
// byte (Pillow clips them at 255, which turns most of such an image white), and orientation is read
// from EXIF only, not from XMP. Alpha, tRNS, gamma and ICC profiles are ignored, as Pillow does.
// Not for: encoding, other formats (the error says which one was found), reading files.
// Threads: values and pure functions. Hostile input: every size is checked before memory is asked
// for, and a file must be long enough to hold the pixels that it declares.
// Specs: ITU-T T.81 (JPEG), JEITA CP-3451 (EXIF), PNG second edition, ITU-R 601-2 (grey).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/model_card.h"
#include "core/result.h"

namespace arete::media {

// Rows from the top, pixels from the left, channels interleaved (HWC): 1 grey, 3 red-green-blue.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;  // width * height * channels
};

struct ImageSize {
  int width = 0;
  int height = 0;
};

inline constexpr std::int64_t kMaxImagePixels = 100'000'000;
inline constexpr std::uint64_t kMaxImageSide = 1'000'000;

struct DecodeOptions {
  int channels = 3;  // 1 or 3, whatever the file holds
  Orientation orientation = Orientation::kExif;
  std::int64_t max_pixels = kMaxImagePixels;
};

// JPEG (baseline, progressive; grey, YCbCr, RGB, CMYK, YCCK) and PNG (every colour type and depth,
// interlaced too) -> pixels, turned upright. Exact for PNG; for JPEG as exact as two versions of
// libjpeg-turbo agree with each other.
// kCorrupt: bytes that do not decode, or end too early (never filled up with grey).
// kUnsupported: another format, or a variant that nobody writes (12 bit, lossless).
// kExhausted: over max_pixels or kMaxImageSide, or no memory.
// kInvalid: channels other than 1 and 3.
Result<Image> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options = {});

}  // namespace arete::media
