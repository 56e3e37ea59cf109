// Images into tensors: the one place where pixels become a model's input, used by serve, dataset
// and calibration alike, so that a model sees the same numbers everywhere.
//
// Threads: pure functions. Exactness: in float32, ((pixel / 255) - mean) / std, each step rounded,
// as numpy and torchvision compute it; float16 is that value rounded to nearest even.
#pragma once

#include <cstddef>
#include <span>

#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"
#include "media/image/image.h"

namespace arete::media {

// [1,C,H,W] or [1,H,W,C], as the card's layout says; C is the length of the card's mean.
// dtype float32 or float16: normalised with the card's mean and std. uint8: the pixels themselves,
// for models that normalise inside; then the card must say mean 0 and std 1 (kInvalid else, since
// normalisation would be lost without a word). Other dtypes are kUnsupported.
// kInvalid when the image is not of the card's size and channels, or the card is not for images.
Result<Tensor> image_to_tensor(const Image& image, const InputCard& card, DType dtype);

// JPEG or PNG bytes -> tensor: decode, turn upright (card.orientation), resize, normalise.
// The errors of decode_image, resize and image_to_tensor. A card that cannot work is refused before
// the bytes are looked at.
Result<Tensor> decode_to_tensor(std::span<const std::byte> bytes, const InputCard& card, DType dtype);

// The shape that both return. The errors of a card that cannot work, with a dtype or at all: to be
// asked once, before the first image.
Result<Shape> image_tensor_shape(const InputCard& card, DType dtype);

}  // namespace arete::media
