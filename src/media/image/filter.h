// Filter: for each new pixel along one axis, which old ones it is made of and how much of each; as Pillow weighs them.
//
// Weights are fixed point of 22 bits, in two parts for multipliers of 16 bits: weight = high * 256 + low, low 0..255.
// Not for: applying them (resample.h). Threads: values and pure functions.
// Limits: the caller has checked the sizes. Method: separable convolution; the kernel is as wide as the scale is large,
// is cut at the border, and what is left of it sums to 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/model_card.h"

namespace arete::media {

inline constexpr int kWeightBits = 22;
// The weights of a window are padded with zeros to a multiple of this many.
inline constexpr int kWeightGroup = 8;

// The old pixels first .. first + count - 1, count > 0, and where their weights begin.
struct Window {
  int first = 0;
  int count = 0;
  std::size_t weights_at = 0;
};

struct Filter {
  std::vector<Window> windows;     // one a new pixel
  std::vector<std::int16_t> high;  // of all windows, padded
  std::vector<std::int16_t> low;
  int longest = 0;  // window
  // Each new pixel is the old one of the same number, and there are as many.
  bool is_identity = false;
};

// Along one axis: `old_size` pixels, of which `extent` from the start are the picture (they differ when a decoder has
// scaled by 2, 4 or 8 and rounded up), become `new_size`, of which those from `first` on, `count` of them, are wanted.
// `mirrored`: the old pixels run backwards.
struct Axis {
  ResizeFilter filter = ResizeFilter::kBilinear;
  int old_size = 0;
  double extent = 0;
  std::int64_t new_size = 0;
  std::int64_t first = 0;
  int count = 0;
  bool mirrored = false;

  bool operator==(const Axis&) const = default;
};

// std::bad_alloc when memory ends.
Filter make_filter(const Axis& axis);

}  // namespace arete::media
