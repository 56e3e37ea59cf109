// Images into tensors: the one place where pixels become a model's input, used by serve, dataset
// and calibration alike, so that a model sees the same numbers everywhere.
//
// Threads: pure functions; a scratch is of one thread. Exactness: in float32, ((pixel / 255) - mean) / std, each step
// rounded, as numpy and torchvision compute it; float16 is that value rounded to nearest even. The pixels are those
// of Pillow's decode, turn and resize, and of torchvision's Resize and CenterCrop where the card crops.
// Limits: kMaxImagePixels, kMaxResizedSide; memory is the decoded image, the rows that one window needs, and the slot.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"
#include "media/image/image.h"

namespace arete::media {

// The longer side may become no longer than this before the card's crop.
inline constexpr std::int64_t kMaxResizedSide = std::int64_t{1} << 24;
// What a scratch keeps from one image to the next, in each of its buffers.
inline constexpr std::size_t kMaxKeptScratchBytes = std::size_t{16} << 20;

// Memory that decode_into uses again from image to image: asking the system for pages costs as much as resizing a small
// image. Not for two threads at once.
class ImageScratch {
 public:
  ImageScratch();
  ImageScratch(ImageScratch&&) noexcept;
  ImageScratch& operator=(ImageScratch&&) noexcept;
  ~ImageScratch();

 private:
  friend Status decode_into(std::span<const std::byte> bytes, const InputCard& card, DType dtype,
                            std::span<std::byte> slot, ImageScratch* scratch);
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// JPEG or PNG bytes -> the elements of the tensor that image_tensor_shape tells, in `slot`, which is exactly as large
// and need not be aligned: decode, turn upright (card.orientation), resize, crop, normalise.
// dtype float32 or float16: normalised with the card's mean and std. uint8: the pixels themselves,
// for models that normalise inside; then the card must say mean 0 and std 1 (kInvalid else, since
// normalisation would be lost without a word). Other dtypes are kUnsupported.
// Also the errors of decode_image; kInvalid for a slot of another size; kExhausted over kMaxResizedSide and
// kMaxResizeBytes. A card that cannot work is refused before the bytes are looked at. After an error the slot holds
// anything.
Status decode_into(std::span<const std::byte> bytes, const InputCard& card, DType dtype, std::span<std::byte> slot,
                   ImageScratch* scratch = nullptr);

// The same as a tensor of its own.
Result<Tensor> decode_to_tensor(std::span<const std::byte> bytes, const InputCard& card, DType dtype);

// [1,C,H,W] or [1,H,W,C], as the card's layout says; C is the length of the card's mean. The last step alone.
// kInvalid when the image is not of the card's size and channels, or the card is not for images.
Result<Tensor> image_to_tensor(const Image& image, const InputCard& card, DType dtype);

// The shape that all of them make. The errors of a card that cannot work, with a dtype or at all: to be
// asked once, before the first image.
Result<Shape> image_tensor_shape(const InputCard& card, DType dtype);

}  // namespace arete::media
