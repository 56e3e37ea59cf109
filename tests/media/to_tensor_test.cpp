// Images into tensors: layouts, dtypes, normalisation, and the whole way from bytes.
#include "media/image/to_tensor.h"

#include "tests/media/references.h"
#include "tests/support/tiny_png.h"

namespace arete::media {
namespace {

InputCard image_card(int width, int height, std::vector<float> mean, std::vector<float> std) {
  InputCard card;
  card.kind = InputKind::kImage;
  card.width = width;
  card.height = height;
  card.mean = std::move(mean);
  card.std = std::move(std);
  return card;
}

const Image kTwoPixels{2, 1, 3, {0, 51, 255, 10, 20, 30}};

TEST(ToTensor, LaysChannelsOutAsTheCardSays) {
  InputCard card = image_card(2, 1, {0, 0, 0}, {1, 1, 1});
  const Result<Tensor> planar = image_to_tensor(kTwoPixels, card, DType::kUint8);
  ASSERT_OK(planar);
  EXPECT_EQ(planar->shape(), (Shape{1, 3, 1, 2}));
  EXPECT_EQ(std::vector<std::uint8_t>(planar->data<std::uint8_t>().begin(), planar->data<std::uint8_t>().end()),
            (std::vector<std::uint8_t>{0, 10, 51, 20, 255, 30}));
  card.layout = PixelLayout::kNhwc;
  const Result<Tensor> interleaved = image_to_tensor(kTwoPixels, card, DType::kUint8);
  ASSERT_OK(interleaved);
  EXPECT_EQ(interleaved->shape(), (Shape{1, 1, 2, 3}));
  EXPECT_EQ(
      std::vector<std::uint8_t>(interleaved->data<std::uint8_t>().begin(), interleaved->data<std::uint8_t>().end()),
      kTwoPixels.pixels);
}

TEST(ToTensor, NormalisesEachChannel) {
  const InputCard card = image_card(2, 1, {0.5F, 0, 0.25F}, {0.5F, 1, 2});
  const Result<Tensor> tensor = image_to_tensor(kTwoPixels, card, DType::kFloat32);
  ASSERT_OK(tensor);
  const std::span<const float> values = tensor->data<float>();
  EXPECT_EQ(values[0], -1.0F);
  EXPECT_EQ(values[2], 51.0F / 255.0F);
  EXPECT_EQ(values[4], 0.375F);
  const Result<Tensor> halves = image_to_tensor(kTwoPixels, card, DType::kFloat16);
  ASSERT_OK(halves);
  const Result<std::vector<double>> doubles = to_doubles(*halves);
  ASSERT_OK(doubles);
  EXPECT_EQ((*doubles)[4], 0.375);
  EXPECT_EQ((*doubles)[2], half_to_float(float_to_half(0.2F)));
}

TEST(ToTensor, EqualsPillowAndNumpyFromTheBytesOn) {
  const std::string references = test::references_folder();
  if (references.empty()) GTEST_SKIP() << "SKIP: no test venv";
  InputCard card = image_card(128, 96, {}, {});
  set_default_normalisation(card, 3);
  const std::string bytes = test::slurp(references + "/tensor/photo.png");
  const Result<Tensor> tensor = decode_to_tensor(test::bytes_of(bytes), card, DType::kFloat32);
  ASSERT_OK(tensor);
  const Tensor truth = test::load_npy(references + "/tensor/photo.npy");
  EXPECT_EQ(tensor->shape(), truth.shape());
  EXPECT_TRUE(std::ranges::equal(tensor->bytes(), truth.bytes()));
}

TEST(ToTensor, ImagesSmallerThanTheModelGrow) {
  const InputCard card = image_card(28, 28, {0}, {1});
  const std::string png = test::flat_png(3, 2, 1, '\x80');
  const Result<Tensor> tensor = decode_to_tensor(test::bytes_of(png), card, DType::kFloat32);
  ASSERT_OK(tensor);
  EXPECT_EQ(tensor->shape(), (Shape{1, 1, 28, 28}));
  for (const float value : tensor->data<float>()) ASSERT_EQ(value, 128.0F / 255.0F);
}

TEST(ToTensor, CardsThatCannotWorkAreRefused) {
  const std::string png = test::flat_png(2, 2, 3, 'a');
  const auto decode = [&png](const InputCard& card, DType dtype) {
    return decode_to_tensor(test::bytes_of(png), card, dtype);
  };
  EXPECT_ERROR(decode(InputCard{}, DType::kFloat32), Code::kInvalid, "\"kind\" must be \"image\"");
  EXPECT_ERROR(decode(image_card(0, 2, {0}, {1}), DType::kFloat32), Code::kInvalid, "\"width\"");
  EXPECT_ERROR(decode(image_card(2, 2, {0.5F}, {1}), DType::kUint8), Code::kInvalid, "\"mean\" must be 0");
  EXPECT_ERROR(decode(image_card(2, 2, {0}, {1}), DType::kInt64), Code::kUnsupported, "int64");
  EXPECT_ERROR(image_to_tensor(kTwoPixels, image_card(2, 2, {0, 0, 0}, {1, 1, 1}), DType::kFloat32), Code::kInvalid,
               "2x1x3 where the card says 2x2x3");
}

}  // namespace
}  // namespace arete::media
