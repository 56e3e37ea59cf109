// EXIF as far as a camera's orientation goes: which of eight ways the stored pixels are turned.
//
// Reads one directory (IFD0) and follows no other offset, so that a looping file cannot hold it.
// Not for: any other tag. Threads: pure functions. Spec: JEITA CP-3451, TIFF 6.0 section 2.
#pragma once

#include <cstddef>
#include <span>

#include "media/image/image.h"

namespace arete::media {

// `tiff` starts at the byte order mark ("II" or "MM"). 1 (upright) when there is no orientation or
// the bytes make no sense: a broken note about a picture does not spoil the picture.
int exif_orientation(std::span<const std::byte> tiff);

// Where the pixel (0, 0) of the upright image comes from, and along which stored axis it runs.
struct Walk {
  bool swaps_axes = false;   // a row of the upright image is a stored column
  bool from_right = false;   // stored columns run backwards
  bool from_bottom = false;  // stored rows run backwards
};

// Values outside 1..8 are upright.
Walk walk_of(int orientation);

// Turns stored pixels upright; 5 to 8 swap width and height. Other values of orientation: no
// change.
Image apply_orientation(Image image, int orientation);

}  // namespace arete::media
