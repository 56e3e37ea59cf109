// decode_image against Pillow, and against files that mean harm.
#include <random>

#include "media/image/image.h"
#include "tests/media/references.h"
#include "tests/support/tiny_png.h"

namespace arete::media {
namespace {

using test::bytes_of;
using test::slurp;

// Two versions of libjpeg-turbo may round differently; the largest difference that we have seen is
// 0.
constexpr int kJpegTolerance = 2;

Result<Image> decode(const std::string& bytes, int channels = 3, Orientation orientation = Orientation::kExif) {
  DecodeOptions options;
  options.channels = channels;
  options.orientation = orientation;
  return decode_image(bytes_of(bytes), options);
}

void expect_pillow(const std::string& folder, const std::string& name, const std::string& ending, int channels) {
  SCOPED_TRACE(name + " to " + std::to_string(channels) + " channels");
  const Result<Image> image = decode(slurp(folder + name + "." + ending), channels);
  ASSERT_OK(image);
  const Image truth = test::load_image(folder + name + (channels == 3 ? ".rgb.npy" : ".l.npy"));
  const test::Difference difference = test::difference_of(*image, truth);
  EXPECT_TRUE(difference.same_sizes) << image->width << "x" << image->height << " for " << truth.width << "x"
                                     << truth.height;
  EXPECT_LE(difference.largest, ending == "png" ? 0 : kJpegTolerance) << difference.count << " bytes differ";
  if (difference.count != 0) {
    std::printf("%s: %zu of %zu bytes differ, by at most %d\n", name.c_str(), difference.count, truth.pixels.size(),
                difference.largest);
  }
}

void expect_all_as_pillow(const std::string& wanted_ending) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const std::string folder = references + "/decode/";
  int count = 0;
  for (const std::string& line : test::lines_of(folder + "index.txt")) {
    const std::string name = line.substr(0, line.find(' '));
    const std::string ending = line.substr(line.find(' ') + 1);
    if (ending != wanted_ending) continue;
    for (const int channels : {1, 3}) expect_pillow(folder, name, ending, channels);
    ++count;
  }
  EXPECT_GT(count, 40);
}

TEST(Decode, PngEqualsPillow) { expect_all_as_pillow("png"); }
TEST(Decode, JpegEqualsPillow) { expect_all_as_pillow("jpg"); }

// Real photos, re-encoded by somebody else's encoder.
TEST(Decode, ReadsEveryPhotoOfARealDataSet) {
  const std::string data = test::data_folder();
  if (data.empty()) GTEST_SKIP() << "SKIP: no data";
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data + "/cifar10_test")) {
    if (entry.path().extension() != ".jpg" || count >= 300) continue;
    const Result<Image> image = decode(slurp(entry.path()));
    ASSERT_OK(image);
    EXPECT_EQ(image->width, 32);
    ++count;
  }
  EXPECT_GT(count, 100);
}

TEST(Decode, OrientationCanBeIgnored) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  const Result<Image> image = decode(slurp(references + "/decode/jpeg_exif6_le.jpg"), 3, Orientation::kIgnore);
  ASSERT_OK(image);
  EXPECT_EQ(image->width, 61);
  EXPECT_EQ(image->height, 40);
}

// Where Pillow refuses a file that is cut short, so do we; where it takes a PNG that lacks only
// checksums or the end mark, we may do either.
TEST(Decode, TruncatedFilesAreErrors) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  for (const std::string name : {"rgb.png", "adam7.png", "palette.png", "baseline.jpg", "restarts.jpg",
                                 "progressive.jpg", "grey.jpg", "cmyk.jpg"}) {
    const std::string bytes = slurp(references + "/truncated/" + name);
    const std::string pillow = slurp(references + "/truncated/" + name + ".txt");
    ASSERT_EQ(pillow.size(), bytes.size() + 1);
    EXPECT_TRUE(decode(bytes).has_value());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const Result<Image> image = decode(bytes.substr(0, length));
      EXPECT_FALSE(image.has_value() && pillow[length] == '0') << name << " cut at " << length;
    }
  }
}

TEST(Decode, DamagedBytesNeverCrash) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  std::mt19937 random(7);
  for (const std::string name :
       {"rgb.png", "adam7.png", "palette.png", "baseline.jpg", "progressive.jpg", "cmyk.jpg"}) {
    const std::string good = slurp(references + "/truncated/" + name);
    for (int round = 0; round < 300; ++round) {
      std::string bytes = good;
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      const Result<Image> image = decode(bytes, round % 2 == 0 ? 1 : 3);
      EXPECT_EQ(image.has_value() && image->pixels.empty(), false);
    }
  }
}

// libjpeg-turbo calls an error behind a warning a warning.
TEST(Decode, AnErrorBehindAWarningIsAnError) {
  const Result<Image> image = decode(slurp(test::source_path("fuzz/corpus/image/error_after_warning.jpg")));
  EXPECT_ERROR(image, Code::kCorrupt, "does not decode");
}

TEST(Decode, RandomBytesAreErrors) {
  std::mt19937 random(3);
  for (const std::string_view start : {"", "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n"}) {
    for (int round = 0; round < 200; ++round) {
      std::string bytes(start);
      for (int i = 0; i < round; ++i) bytes += static_cast<char>(random());
      EXPECT_FALSE(decode(bytes).has_value());
    }
  }
}

TEST(Decode, OtherFormatsAreNamed) {
  using namespace std::string_literals;
  EXPECT_ERROR(decode("RIFF\x10\0\0\0WEBPVP8 "s), Code::kUnsupported, "WebP");
  EXPECT_ERROR(decode("GIF89a..."), Code::kUnsupported, "GIF images are not supported; save it as JPEG or PNG");
  EXPECT_ERROR(decode("BM......"), Code::kUnsupported, "BMP");
  EXPECT_ERROR(decode("II*\0...."s), Code::kUnsupported, "TIFF");
  EXPECT_ERROR(decode("MM\0*...."s), Code::kUnsupported, "TIFF");
  EXPECT_ERROR(decode("\0\0\0\x18"s + "ftypheic...."), Code::kUnsupported, "HEIC");
  EXPECT_ERROR(decode("\0\0\0\x18"s + "ftypavif...."), Code::kUnsupported, "AVIF");
  EXPECT_ERROR(decode("<svg/>"), Code::kUnsupported, "3c 73 76 67 2f 3e");
  EXPECT_ERROR(decode(""), Code::kCorrupt, "0 bytes");
}

TEST(Decode, HugeDeclaredSizesAreRefusedAtOnce) {
  const std::string data = test::png_chunk("IDAT", "");
  EXPECT_ERROR(decode(test::png_header(2000000000, 2000000000, 16, 6) + data), Code::kExhausted, "more pixels");
  EXPECT_ERROR(decode(test::png_header(20000, 20000, 8, 0) + data), Code::kExhausted, "20000x20000");
  EXPECT_ERROR(decode(test::png_header(2000000, 1, 8, 0) + data), Code::kExhausted, "1000000 a side");
  // Within the limit, but more than so few bytes can hold.
  const std::string plausible = test::png_header(10000, 10000, 8, 2) + test::png_chunk("IDAT", std::string(500, 'x'));
  EXPECT_ERROR(decode(plausible), Code::kCorrupt, "cut short");
  const std::string frame("\xFF\xC0\x00\x11\x08\xFF\xFF\xFF\xFF\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01", 19);
  const std::string scan("\xFF\xDA\x00\x0C\x03\x01\x00\x02\x11\x03\x11\x00\x3F\x00\x00\xFF\xD9", 17);
  EXPECT_ERROR(decode("\xFF\xD8" + frame + scan), Code::kExhausted, "65535x65535");
  std::string smaller = frame;
  smaller.replace(5, 4, "\x1F\xFF\x1F\xFF");
  EXPECT_ERROR(decode("\xFF\xD8" + smaller + scan), Code::kCorrupt, "cut short");
}

TEST(Decode, LimitsAndChannelsAreTheCallers) {
  DecodeOptions options;
  options.max_pixels = 8;
  EXPECT_ERROR(decode_image(bytes_of(test::flat_png(3, 3, 1, 'a')), options), Code::kExhausted, "over the limit of 8");
  options.max_pixels = 9;
  EXPECT_TRUE(decode_image(bytes_of(test::flat_png(3, 3, 1, 'a')), options).has_value());
  EXPECT_ERROR(decode(test::flat_png(3, 3, 1, 'a'), 4), Code::kInvalid, "1 or 3 channels");
}

TEST(Decode, GreyAndColourFollowTheOptions) {
  const std::string pixels("\xFF\x00\x00\x00\xFF\x00\x00\x00\xFF", 9);
  const Result<Image> grey = decode(test::tiny_png(3, 1, 3, pixels), 1);
  ASSERT_OK(grey);
  EXPECT_EQ(grey->pixels, (std::vector<std::uint8_t>{76, 150, 29}));
  const Result<Image> colour = decode(test::tiny_png(2, 1, 1, "\x07\x09"), 3);
  ASSERT_OK(colour);
  EXPECT_EQ(colour->pixels, (std::vector<std::uint8_t>{7, 7, 7, 9, 9, 9}));
}

}  // namespace
}  // namespace arete::media
