// The orientation in EXIF blocks that are whole, broken and hostile.
#include "media/image/exif.h"

#include <random>

#include "tests/media/references.h"

namespace arete::media {
namespace {

using namespace std::string_literals;
using test::bytes_of;

int orientation_of(const std::string& tiff) { return exif_orientation(bytes_of(tiff)); }

// One directory at `offset` with `count` entries of `entry`.
std::string block(const std::string& entry, char count = 1, char offset = 8) {
  return "II*\0"s + offset + "\0\0\0"s + count + "\0"s + entry + "\0\0\0\0"s;
}

TEST(Exif, ReadsEveryNumberTypeInBothByteOrders) {
  EXPECT_EQ(orientation_of(block("\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s)), 6);
  EXPECT_EQ(orientation_of(block("\x12\x01\x04\0\x01\0\0\0\x08\0\0\0"s)), 8);
  EXPECT_EQ(orientation_of(block("\x12\x01\x01\0\x01\0\0\0\x02\0\0\0"s)), 2);
  EXPECT_EQ(orientation_of("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x05\0\0\0\0\0\0"s), 5);
}

TEST(Exif, NonsenseIsUpright) {
  EXPECT_EQ(orientation_of(""), 1);
  EXPECT_EQ(orientation_of("II*\0"s), 1);
  EXPECT_EQ(orientation_of("XX*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s), 1);
  EXPECT_EQ(orientation_of(block("\x12\x01\x03\0\x01\0\0\0\x09\0\0\0"s)),
            1);  // no such orientation
  EXPECT_EQ(orientation_of(block("\x12\x01\x03\0\x01\0\0\0\0\0\0\0"s)), 1);
  EXPECT_EQ(orientation_of(block("\x12\x01\x03\0\x02\0\0\0\x06\0\0\0"s)), 1);    // two values
  EXPECT_EQ(orientation_of(block("\x12\x01\x02\0\x01\0\0\0\x06\0\0\0"s)), 1);    // text
  EXPECT_EQ(orientation_of(block("\x12\x01\xFF\xFF\x01\0\0\0\x06\0\0\0"s)), 1);  // no such type
}

TEST(Exif, LoopsAndFarOffsetsEnd) {
  // A directory that lies on the header, says 65535 entries, or is its own successor.
  EXPECT_EQ(orientation_of(block("\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s, '\x01', '\0')), 1);
  EXPECT_EQ(orientation_of("II*\0\x08\0\0\0\xFF\xFF\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"s), 6);
  EXPECT_EQ(orientation_of("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\x08\0\0\0"s), 3);
  EXPECT_EQ(orientation_of("II*\0\xFF\xFF\xFF\xFF\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0"s), 1);
}

TEST(Exif, RandomBlocksGiveAnOrientation) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = round % 2 == 0 ? "II*\0"s : "MM\0*"s;
    for (int i = 0; i < round % 90; ++i) bytes += static_cast<char>(random() % (round % 3 == 0 ? 8 : 256));
    const int orientation = orientation_of(bytes);
    EXPECT_GE(orientation, 1);
    EXPECT_LE(orientation, 8);
  }
}

TEST(Exif, TurnsSmallImages) {
  const Image image{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(apply_orientation(image, 2).pixels, (std::vector<std::uint8_t>{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(apply_orientation(image, 3).pixels, (std::vector<std::uint8_t>{6, 5, 4, 3, 2, 1}));
  const Image turned = apply_orientation(image, 6);  // clockwise
  EXPECT_EQ(turned.width, 2);
  EXPECT_EQ(turned.height, 3);
  EXPECT_EQ(turned.pixels, (std::vector<std::uint8_t>{4, 1, 5, 2, 6, 3}));
  EXPECT_EQ(apply_orientation(image, 0).pixels, image.pixels);
  EXPECT_EQ(apply_orientation(image, 9).pixels, image.pixels);
}

}  // namespace
}  // namespace arete::media
