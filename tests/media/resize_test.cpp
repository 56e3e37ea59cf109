// resize against Pillow, bit for bit; and the limits.
#include "media/image/resize.h"

#include "tests/media/references.h"

namespace arete::media {
namespace {

ResizeFilter filter_of(const std::string& name) {
  if (name == "bicubic") return ResizeFilter::kBicubic;
  if (name == "lanczos") return ResizeFilter::kLanczos;
  return name == "nearest" ? ResizeFilter::kNearest : ResizeFilter::kBilinear;
}

TEST(Resize, EqualsPillowBitForBit) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const std::string folder = references + "/resize/";
  int count = 0;
  for (const std::string& line : test::lines_of(folder + "index.txt")) {
    SCOPED_TRACE(line);
    std::istringstream row(line);
    std::string name;
    std::string filter;
    int width = 0;
    int height = 0;
    row >> name >> filter >> width >> height;
    const Result<Image> image = resize(test::load_image(folder + name + ".npy"), width, height, filter_of(filter));
    ASSERT_OK(image);
    const std::string truth =
        folder + name + "." + filter + "." + std::to_string(width) + "x" + std::to_string(height) + ".npy";
    const test::Difference difference = test::difference_of(*image, test::load_image(truth));
    EXPECT_TRUE(difference.same_sizes);
    EXPECT_EQ(difference.count, 0U) << "by at most " << difference.largest;
    ++count;
  }
  EXPECT_GT(count, 400);
}

TEST(Resize, FlatImagesStayFlat) {
  const Image image{31, 17, 3, std::vector<std::uint8_t>(31 * 17 * 3, 255)};
  for (const int side : {1, 2, 13, 500}) {
    for (const std::string filter : {"bilinear", "bicubic", "lanczos", "nearest"}) {
      const Result<Image> scaled = resize(image, side, side, filter_of(filter));
      ASSERT_OK(scaled);
      for (const std::uint8_t pixel : scaled->pixels) ASSERT_EQ(pixel, 255);
    }
  }
}

TEST(Resize, SizesAreChecked) {
  const Image image{2, 2, 1, {1, 2, 3, 4}};
  EXPECT_ERROR(resize(image, 0, 5), Code::kInvalid, "0x5");
  EXPECT_ERROR(resize(image, 5, kMaxCardImageSide + 1), Code::kInvalid, "16384");
  EXPECT_ERROR(resize(Image{}, 5, 5), Code::kInvalid, "without pixels");
  EXPECT_ERROR(resize(Image{1, 1, 3, {1, 2, 3}}, 16384, 16384), Code::kExhausted, "512 MiB");
}

TEST(Resize, VeryLongImagesStayCheap) {
  const Image tall{1, 1000000, 1, std::vector<std::uint8_t>(1000000, 9)};
  const Result<Image> scaled = resize(tall, 224, 224);
  ASSERT_OK(scaled);
  EXPECT_EQ(scaled->pixels, std::vector<std::uint8_t>(224 * 224, 9));
  const Image wide{1000000, 1, 1, std::vector<std::uint8_t>(1000000, 9)};
  ASSERT_OK(resize(wide, 224, 224));
}

}  // namespace
}  // namespace arete::media
