// The whole way from bytes into a caller's memory: against Pillow, against the single steps, and within its bounds.
#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "media/image/resize.h"
#include "media/image/to_tensor.h"
#include "tests/media/references.h"
#include "tests/support/tiny_png.h"

namespace arete::media {
namespace {

using test::bytes_of;
using test::slurp;

InputCard image_card(int width, int height, std::size_t channels, PixelLayout layout = PixelLayout::kNhwc) {
  InputCard card;
  card.kind = InputKind::kImage;
  card.width = width;
  card.height = height;
  card.mean.assign(channels, 0.0F);
  card.std.assign(channels, 1.0F);
  card.layout = layout;
  return card;
}

ResizeFilter filter_of(const std::string& name) {
  if (name == "bicubic") return ResizeFilter::kBicubic;
  if (name == "lanczos") return ResizeFilter::kLanczos;
  return name == "nearest" ? ResizeFilter::kNearest : ResizeFilter::kBilinear;
}

// uint8 pixels in rows, as the references hold them.
std::vector<std::byte> pixels_of(const std::string& file, const InputCard& card, ImageScratch* scratch = nullptr) {
  std::vector<std::byte> slot(static_cast<std::size_t>(card.width) * static_cast<std::size_t>(card.height) *
                              card.mean.size());
  const std::string bytes = slurp(file);
  const Status status = decode_into(bytes_of(bytes), card, DType::kUint8, slot, scratch);
  EXPECT_TRUE(status.has_value()) << file << ": " << (status ? "" : to_string(status.error()));
  return slot;
}

TEST(DecodeInto, EqualsPillowForEveryTurnFilterAndCrop) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const std::string folder = references + "/into/";
  ImageScratch scratch;  // one for all: what an image leaves behind does not show in the next
  int count = 0;
  for (const std::string& line : test::lines_of(folder + "index.txt")) {
    SCOPED_TRACE(line);
    std::istringstream row(line);
    std::string name;
    std::string truth;
    std::size_t channels = 0;
    std::string filter;
    InputCard card;
    row >> name >> truth >> channels >> filter >> card.crop_resize >> card.width >> card.height;
    const int crop = card.crop_resize;
    card = image_card(card.width, card.height, channels);
    card.crop_resize = crop;
    card.resize = filter_of(filter);
    EXPECT_TRUE(std::ranges::equal(pixels_of(folder + name + ".png", card, &scratch),
                                   test::load_npy(folder + truth + ".npy").bytes()));
    ++count;
  }
  EXPECT_GT(count, 900);
}

TEST(DecodeInto, EqualsItsStepsForAllLayoutsAndTypes) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  for (const std::string name :
       {"jpeg_exif6_le.jpg", "jpeg_exif5_cmyk.jpg", "jpeg_exif6_grey.jpg", "jpeg_4000x3000_exif6.jpg",
        "jpeg_420_q75_progressive.jpg", "jpeg_1x1.jpg", "jpeg_ycck.jpg", "png_c4_d8.png", "png_c4_d16_adam7.png",
        "png_c0_d1.png", "png_palette_trns.png", "png_1x1.png", "png_40x1.png"}) {
    const std::string bytes = slurp(references + "/decode/" + name);
    for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kUint8}) {
      for (const PixelLayout layout : {PixelLayout::kNchw, PixelLayout::kNhwc}) {
        InputCard card = image_card(37, 53, dtype == DType::kFloat16 ? 1 : 3, layout);
        if (dtype == DType::kFloat32) set_default_normalisation(card, 3);
        DecodeOptions options;
        options.channels = static_cast<int>(card.mean.size());
        const Result<Image> image = decode_image(bytes_of(bytes), options);
        ASSERT_OK(image);
        const Result<Image> scaled = resize(*image, card.width, card.height);
        ASSERT_OK(scaled);
        const Result<Tensor> truth = image_to_tensor(*scaled, card, dtype);
        ASSERT_OK(truth);
        const Result<Tensor> tensor = decode_to_tensor(bytes_of(bytes), card, dtype);
        ASSERT_OK(tensor);
        EXPECT_TRUE(std::ranges::equal(tensor->bytes(), truth->bytes())) << name;
      }
    }
  }
}

TEST(DecodeInto, OrientationCanBeIgnored) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  InputCard card = image_card(61, 40, 3);
  card.orientation = Orientation::kIgnore;
  DecodeOptions options;
  options.orientation = Orientation::kIgnore;
  const std::string file = references + "/into/o6_61x40x3.png";
  const Result<Image> image = decode_image(bytes_of(slurp(file)), options);
  ASSERT_OK(image);
  EXPECT_TRUE(std::ranges::equal(pixels_of(file, card), std::as_bytes(std::span(image->pixels))));
}

TEST(DecodeInto, WritesTheSlotAndNothingElseAlignedOrNot) {
  const std::string png = test::flat_png(5, 4, 3, '\x80');
  const InputCard card = image_card(7, 6, 3, PixelLayout::kNchw);
  constexpr std::size_t kBytes = 7 * 6 * 3 * 4;
  for (std::size_t shift = 0; shift < 5; ++shift) {
    std::vector<std::byte> memory(kBytes + 16, std::byte{0xEE});
    const std::span<std::byte> slot = std::span(memory).subspan(shift, kBytes);
    ASSERT_OK(decode_into(bytes_of(png), card, DType::kFloat32, slot));
    for (std::size_t i = 0; i < memory.size(); ++i) {
      const bool outside = i < shift || i >= shift + kBytes;
      EXPECT_TRUE(!outside || memory[i] == std::byte{0xEE}) << i;
    }
    for (std::size_t i = 0; i < kBytes; i += 4) {
      float value = 0;
      std::memcpy(&value, slot.data() + i, 4);
      ASSERT_EQ(value, 128.0F / 255.0F);
    }
  }
}

TEST(DecodeInto, SlotsOfAnotherSizeAreRefused) {
  const std::string png = test::flat_png(5, 4, 3, 'a');
  std::vector<std::byte> slot(100);
  const InputCard card = image_card(5, 4, 3);
  EXPECT_ERROR(decode_into(bytes_of(png), card, DType::kUint8, slot), Code::kInvalid,
               "a slot of 100 bytes for a tensor of 60");
  EXPECT_ERROR(decode_into(bytes_of(png), card, DType::kUint8, {}), Code::kInvalid, "0 bytes");
}

TEST(DecodeInto, AScratchOutlivesErrorsAndLargeImages) {
  const std::string small = test::flat_png(3, 3, 3, '\x33');
  const std::string large = test::flat_png(3000, 2500, 3, '\x44');
  ImageScratch scratch;
  const InputCard card = image_card(2, 2, 3);
  std::vector<std::byte> slot(12);
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK(decode_into(bytes_of(large), card, DType::kUint8, slot, &scratch));
    EXPECT_EQ(slot[11], std::byte{0x44});
    EXPECT_ERROR(decode_into(bytes_of(small.substr(0, 50)), card, DType::kUint8, slot, &scratch), Code::kCorrupt,
                 "PNG");
    ASSERT_OK(decode_into(bytes_of(small), card, DType::kUint8, slot, &scratch));
    EXPECT_EQ(slot[0], std::byte{0x33});
  }
}

// What a scratch held before, and a decoder did not overwrite, may be somebody else's image.
TEST(DecodeInto, DamagedFilesShowNothingOfTheImageBefore) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const InputCard card = image_card(40, 30, 3);
  std::array<ImageScratch, 2> scratches;
  const std::array<std::string, 2> before = {test::flat_png(200, 200, 3, '\0'), test::flat_png(200, 200, 3, '\xFF')};
  std::array<std::vector<std::byte>, 2> slots;
  const auto expect_same = [&](const std::string& bytes) {
    std::array<bool, 2> decoded{};
    for (std::size_t i = 0; i < 2; ++i) {
      slots[i].assign(40 * 30 * 3, std::byte{0});
      ASSERT_OK(decode_into(bytes_of(before[i]), card, DType::kUint8, slots[i], &scratches[i]));
      decoded[i] = decode_into(bytes_of(bytes), card, DType::kUint8, slots[i], &scratches[i]).has_value();
    }
    EXPECT_EQ(decoded[0], decoded[1]);
    EXPECT_TRUE(!decoded[0] || slots[0] == slots[1]);
  };
  expect_same(slurp(test::source_path("fuzz/corpus/image/error_after_warning.jpg")));
  std::mt19937 random(5);
  for (const std::string name : {"rgb.png", "adam7.png", "palette.png", "baseline.jpg", "restarts.jpg",
                                 "progressive.jpg", "grey.jpg", "cmyk.jpg"}) {
    const std::string good = slurp(references + "/truncated/" + name);
    for (int round = 0; round < 300; ++round) {
      std::string bytes = good;
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      expect_same(bytes);
    }
  }
}

TEST(DecodeInto, CropsThatCannotBeAreRefused) {
  InputCard card = image_card(4, 8, 3);
  card.crop_resize = 7;
  std::vector<std::byte> slot(96);
  EXPECT_ERROR(decode_into({}, card, DType::kUint8, slot), Code::kInvalid, "\"crop\"");
  // One pixel high and so long that its middle lies far out.
  card.crop_resize = 1024;
  EXPECT_ERROR(decode_into(bytes_of(test::flat_png(20000, 1, 3, 'a')), card, DType::kUint8, slot), Code::kExhausted,
               "too long");
  card.crop_resize = 8;
  for (const ResizeFilter filter : {ResizeFilter::kNearest, ResizeFilter::kLanczos}) {
    card.resize = filter;
    ASSERT_OK(decode_into(bytes_of(test::flat_png(900000, 1, 3, 'a')), card, DType::kUint8, slot));
    EXPECT_EQ(slot[95], std::byte{'a'});
  }
}

struct Apart {
  double mean = 0;
  int largest = 0;
};

Apart apart(std::span<const std::byte> a, std::span<const std::byte> b) {
  Apart found;
  EXPECT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int difference = std::abs(std::to_integer<int>(a[i]) - std::to_integer<int>(b[i]));
    found.mean += static_cast<double>(difference) / static_cast<double>(a.size());
    found.largest = std::max(found.largest, difference);
  }
  return found;
}

// The limits are those that docs/formats/card.md promises.
TEST(DecodeInto, ScaledDecodingStaysNearTheExactPixels) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const std::string folder = references + "/scaled/";
  for (const std::string& line : test::lines_of(folder + "index.txt")) {
    std::istringstream row(line);
    std::string name;
    int width = 0;
    int height = 0;
    row >> name >> width >> height;
    InputCard card = image_card(width, height, 3);
    const std::string stem = folder + name + "." + std::to_string(width) + "x" + std::to_string(height);
    const Tensor exact = test::load_npy(stem + ".exact.npy");
    EXPECT_LE(apart(pixels_of(folder + name + ".jpg", card), exact.bytes()).largest, 1) << line;
    card.decode = DecodeMode::kScaled;
    const std::vector<std::byte> scaled = pixels_of(folder + name + ".jpg", card);
    const Apart to_exact = apart(scaled, exact.bytes());
    std::printf("%s: mean %.3f, largest %d\n", line.c_str(), to_exact.mean, to_exact.largest);
    EXPECT_LE(to_exact.mean, 1.0) << line;
    EXPECT_LE(to_exact.largest, 16) << line;
    // And they are Pillow's, where it decodes at the same scale.
    EXPECT_LE(apart(scaled, test::load_npy(stem + ".draft.npy").bytes()).largest, 1) << line;
  }
}

TEST(DecodeInto, ScalingLeavesPngAndSmallImagesExact) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  for (const std::string name : {"decode/png_300x200.png", "decode/jpeg_444_q95.jpg"}) {
    InputCard card = image_card(102, 75, 3);
    const std::vector<std::byte> exact = pixels_of(references + "/" + name, card);
    card.decode = DecodeMode::kScaled;
    EXPECT_EQ(pixels_of(references + "/" + name, card), exact) << name;
  }
}

}  // namespace
}  // namespace arete::media
