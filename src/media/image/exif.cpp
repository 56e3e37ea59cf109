#include "media/image/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

namespace arete::media {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;
constexpr int kTileSide = 64;  // pixels; a tile of both images stays in the first-level cache

class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  // 0 outside the bytes: no tag, no entries.
  std::uint32_t number(std::size_t at, std::size_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      const std::size_t shift = 8 * (big_endian_ ? width - 1 - i : i);
      value |= std::to_integer<std::uint32_t>(bytes_[at + i]) << shift;
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool big_endian_;
};

// The value of an entry that holds one BYTE, SHORT or LONG, which stand in the entry itself.
std::uint32_t entry_value(const TiffReader& tiff, std::size_t entry) {
  constexpr std::array<std::size_t, 5> kWidths = {0, 1, 0, 2, 4};  // by TIFF type
  const std::uint32_t type = tiff.number(entry + 2, 2);
  if (type >= kWidths.size() || tiff.number(entry + 4, 4) != 1) return 0;
  return tiff.number(entry + 8, kWidths[type]);
}

// By orientation; how far a step right or down moves in the stored image follows.
constexpr std::array<Walk, 9> kWalks = {{{},
                                         {},
                                         {false, true, false},
                                         {false, true, true},
                                         {false, false, true},
                                         {true, false, false},
                                         {true, false, true},
                                         {true, true, true},
                                         {true, true, false}}};

struct Steps {
  std::ptrdiff_t first = 0;
  std::ptrdiff_t right = 0;
  std::ptrdiff_t down = 0;
};

Steps steps_of(const Image& image, const Walk& walk) {
  const std::ptrdiff_t pixel = image.channels;
  const std::ptrdiff_t row = pixel * image.width;
  Steps steps;
  steps.first = (walk.from_right ? (image.width - 1) * pixel : 0) + (walk.from_bottom ? (image.height - 1) * row : 0);
  const std::ptrdiff_t along = walk.from_right ? -pixel : pixel;
  const std::ptrdiff_t across = walk.from_bottom ? -row : row;
  steps.right = walk.swaps_axes ? across : along;
  steps.down = walk.swaps_axes ? along : across;
  return steps;
}

// `steps` by value: bytes written through a pointer may alias anything that is not local.
template <int kChannels>
void copy_tile(const std::uint8_t* from, Steps steps, Image& to, int left, int top) {
  const int columns = std::min(kTileSide, to.width - left);
  const int rows = std::min(kTileSide, to.height - top);
  const std::ptrdiff_t row_bytes = std::ptrdiff_t{kChannels} * to.width;
  std::uint8_t* row = to.pixels.data() + top * row_bytes + std::ptrdiff_t{kChannels} * left;
  from += steps.first + top * steps.down + left * steps.right;
  for (int y = 0; y < rows; ++y, row += row_bytes, from += steps.down) {
    const std::uint8_t* source = from;
    std::uint8_t* target = row;
    for (int x = 0; x < columns; ++x, source += steps.right, target += kChannels) {
      std::memcpy(target, source, kChannels);
    }
  }
}

}  // namespace

int exif_orientation(std::span<const std::byte> tiff) {
  if (tiff.size() < 8) return 1;
  const bool big_endian = tiff[0] == std::byte{'M'} && tiff[1] == std::byte{'M'};
  const bool little_endian = tiff[0] == std::byte{'I'} && tiff[1] == std::byte{'I'};
  const TiffReader reader(tiff, big_endian);
  if ((!big_endian && !little_endian) || reader.number(2, 2) != 42) return 1;
  const std::size_t directory = reader.number(4, 4);
  const std::uint32_t count = reader.number(directory, 2);
  int orientation = 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > tiff.size()) break;
    if (reader.number(entry, 2) != kOrientationTag) continue;
    const std::uint32_t value = entry_value(reader, entry);
    orientation = value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return orientation;
}

Walk walk_of(int orientation) {
  return orientation < 1 || orientation > 8 ? Walk() : kWalks[static_cast<std::size_t>(orientation)];
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const Walk walk = walk_of(orientation);
  const Steps steps = steps_of(image, walk);
  Image upright{walk.swaps_axes ? image.height : image.width, walk.swaps_axes ? image.width : image.height,
                image.channels, std::vector<std::uint8_t>(image.pixels.size())};
  const auto copy = image.channels == 3 ? copy_tile<3> : copy_tile<1>;
  for (int top = 0; top < upright.height; top += kTileSide) {
    for (int left = 0; left < upright.width; left += kTileSide) {
      copy(image.pixels.data(), steps, upright, left, top);
    }
  }
  return upright;
}

}  // namespace arete::media
