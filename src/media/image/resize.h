// resize: scales an image with an antialiased triangle filter, bit for bit as Pillow does.
//
// Models are trained on images that Pillow's `resize((w, h), Image.BILINEAR)` made; other
// libraries' "bilinear" looks at four pixels only and costs accuracy when it shrinks.
// Not for: cropping or keeping the aspect (the card's width and height are what the model saw).
// Threads: a pure function. Method: separable convolution in two passes, each rounded to 8 bits,
// weights in fixed point of 22 bits. Pillow 13 chooses which pass comes first, and so do we; before
// 13 the horizontal one always came first, which differs by 1 in some pixels of tall images.
#pragma once

#include "core/result.h"
#include "media/image/image.h"

namespace arete::media {

// Neither the result nor the image between the two passes may be larger.
inline constexpr std::int64_t kMaxResizeBytes = std::int64_t{512} << 20;

// `image` at width x height. kInvalid for sizes outside 1..kMaxCardImageSide or an image without
// pixels, kExhausted over kMaxResizeBytes.
Result<Image> resize(const Image& image, int width, int height);

}  // namespace arete::media
