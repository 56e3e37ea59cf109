#include "media/image/to_tensor.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "media/image/resize.h"

namespace arete::media {
namespace {

Status check_dtype(const InputCard& card, DType dtype) {
  if (dtype == DType::kFloat32 || dtype == DType::kFloat16) return {};
  if (dtype != DType::kUint8) {
    return Error{Code::kUnsupported,
                 "images become float32, float16 or uint8 tensors, not " + std::string(name_of(dtype))};
  }
  const bool is_plain = std::ranges::all_of(card.mean, [](float mean) { return mean == 0.0F; }) &&
                        std::ranges::all_of(card.std, [](float std) { return std == 1.0F; });
  if (is_plain) return {};
  return Error{Code::kInvalid,
               "card: the model takes uint8 pixels, so \"mean\" must be 0 and \"std\" 1 for every channel"};
}

float normalised(unsigned pixel, float mean, float std) { return (static_cast<float>(pixel) / 255.0F - mean) / std; }

float element_of(unsigned pixel, float mean, float std, float /*type*/) { return normalised(pixel, mean, std); }
std::uint16_t element_of(unsigned pixel, float mean, float std, std::uint16_t /*half*/) {
  return float_to_half(normalised(pixel, mean, std));
}
std::uint8_t element_of(unsigned pixel, float /*mean*/, float /*std*/, std::uint8_t /*type*/) {
  return static_cast<std::uint8_t>(pixel);
}

// One channel has 256 values: they are computed once.
template <class Element>
void fill_channel(const Image& image, const InputCard& card, std::size_t channel, Element* to) {
  std::array<Element, 256> table{};
  for (unsigned pixel = 0; pixel < 256; ++pixel) {
    table[pixel] = element_of(pixel, card.mean[channel], card.std[channel], Element{});
  }
  const auto channels = static_cast<std::size_t>(image.channels);
  const std::size_t count = image.pixels.size() / channels;
  const bool planar = card.layout == PixelLayout::kNchw;
  const std::size_t step = planar ? 1 : channels;
  to += planar ? channel * count : channel;
  const std::uint8_t* from = image.pixels.data() + channel;
  for (std::size_t i = 0; i < count; ++i) to[i * step] = table[from[i * channels]];
}

template <class Element>
void fill(const Image& image, const InputCard& card, Tensor& tensor) {
  auto* const to = reinterpret_cast<Element*>(tensor.mutable_bytes().data());
  for (std::size_t channel = 0; channel < card.mean.size(); ++channel) {
    fill_channel(image, card, channel, to);
  }
}

}  // namespace

Result<Shape> image_tensor_shape(const InputCard& card, DType dtype) {
  const std::size_t channels = card.mean.size();
  const bool is_image =
      card.kind == InputKind::kImage && (channels == 1 || channels == 3) && card.std.size() == channels;
  if (!is_image) {
    return Error{Code::kInvalid, "card: \"kind\" must be \"image\", with 1 or 3 numbers in \"mean\" and \"std\""};
  }
  if (card.width < 1 || card.height < 1) {
    return Error{Code::kInvalid, "card: an image input needs \"width\" and \"height\""};
  }
  RETURN_IF_ERROR(check_dtype(card, dtype));
  const auto count = static_cast<std::int64_t>(channels);
  if (card.layout == PixelLayout::kNchw) return Shape{1, count, card.height, card.width};
  return Shape{1, card.height, card.width, count};
}

Result<Tensor> image_to_tensor(const Image& image, const InputCard& card, DType dtype) {
  ASSIGN_OR_RETURN(Shape shape, image_tensor_shape(card, dtype));
  const auto channels = static_cast<int>(card.mean.size());
  if (image.width != card.width || image.height != card.height || image.channels != channels) {
    return Error{Code::kInvalid, "an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                                     "x" + std::to_string(image.channels) + " where the card says " +
                                     std::to_string(card.width) + "x" + std::to_string(card.height) + "x" +
                                     std::to_string(channels)};
  }
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  switch (dtype) {
    case DType::kFloat32:
      fill<float>(image, card, tensor);
      break;
    case DType::kFloat16:
      fill<std::uint16_t>(image, card, tensor);
      break;
    default:
      fill<std::uint8_t>(image, card, tensor);
      break;
  }
  return tensor;
}

Result<Tensor> decode_to_tensor(std::span<const std::byte> bytes, const InputCard& card, DType dtype) {
  RETURN_IF_ERROR(image_tensor_shape(card, dtype));
  DecodeOptions options;
  options.channels = static_cast<int>(card.mean.size());
  options.orientation = card.orientation;
  ASSIGN_OR_RETURN(const Image decoded, decode_image(bytes, options));
  ASSIGN_OR_RETURN(const Image image, resize(decoded, card.width, card.height));
  return image_to_tensor(image, card, dtype);
}

}  // namespace arete::media
