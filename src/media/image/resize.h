// resize: scales an image with an antialiased filter, bit for bit as Pillow does.
//
// Models are trained on images that Pillow's `resize((w, h), Image.BILINEAR)` or `BICUBIC` made; other
// libraries' filters look at 4 or 16 pixels only and cost accuracy when they shrink.
// Threads: pure functions; a workspace is of one thread. Method: separable convolution in two passes, each rounded to
// 8 bits, weights in fixed point of 22 bits. Pillow 13 chooses which pass comes first, and so do we; before
// 13 the horizontal one always came first, which differs by 1 in some pixels of tall images.
// Rows flow: between the passes there are never more of them than one window needs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/result.h"
#include "media/image/filter.h"
#include "media/image/image.h"
#include "media/image/pixel_buffer.h"

namespace arete::media {

// Neither the result nor what lies between the two passes may be larger.
inline constexpr std::int64_t kMaxResizeBytes = std::int64_t{512} << 20;

// `image` at width x height. kInvalid for sizes outside 1..kMaxCardImageSide or an image without
// pixels, kExhausted over kMaxResizeBytes.
Result<Image> resize(const Image& image, int width, int height, ResizeFilter filter = ResizeFilter::kBilinear);

// What is to be done to pixels as they are stored. Output i of an axis is as the filter has it: where the axis is
// mirrored, the windows are, and the output is upright all the same.
struct ResizePlan {
  Axis columns;
  Axis rows;
  bool rows_first = false;
};

// Pillow 13's choice, by the sizes of the upright image: when the height shrinks by more than twice what the width
// does.
bool rows_come_first(ImageSize old_size, std::int64_t new_width, std::int64_t new_height);

// Pixels of somebody else, rows close together.
struct PixelView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  int channels = 0;
};

// Memory of resize_rows, used again from call to call; filters too, while the sizes stay.
struct ResizeWorkspace {
  struct CachedFilter {
    Axis axis;
    Filter filter;
  };
  std::optional<CachedFilter> columns;
  std::optional<CachedFilter> rows;
  PixelBuffer between;  // rows between the passes
  PixelBuffer tail;     // copies of the last rows, behind which there may be no memory to read
  PixelBuffer out;      // the row that is handed out
  std::vector<std::int64_t> needed;
  std::vector<const std::uint8_t*> pointers;
};

// Takes each new row, interleaved, once, in any order.
using RowSink = std::function<void(int row, const std::uint8_t* pixels)>;

// The axes' old sizes are those of the view. kExhausted over kMaxResizeBytes; std::bad_alloc when memory ends.
Status resize_rows(const PixelView& from, const ResizePlan& plan, ResizeWorkspace& workspace, const RowSink& sink);

}  // namespace arete::media
