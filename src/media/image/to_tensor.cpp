#include "media/image/to_tensor.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>

#include "media/image/codecs.h"
#include "media/image/exif.h"
#include "media/image/normalise.h"
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

// parse_card has said so for cards from files; others are made in code.
Status check_sides(const InputCard& card) {
  const int longest = std::max(card.width, card.height);
  if (card.width < 1 || card.height < 1 || longest > kMaxCardImageSide || card.crop_resize > kMaxCardImageSide) {
    return Error{Code::kInvalid,
                 "card: an image input needs \"width\" and \"height\", from 1 to " + std::to_string(kMaxCardImageSide)};
  }
  if (card.crop_resize == 0 || card.crop_resize >= longest) return {};
  return Error{Code::kInvalid, "card: \"crop\": \"resize\" must be at least \"width\" and \"height\""};
}

// A size of the whole picture after resizing, and which part of it is wanted.
struct Target {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t left = 0;
  std::int64_t top = 0;
};

// Half of it, halves to even: what Python's round() gives.
std::int64_t half_to_even(std::int64_t number) { return number / 2 + (number % 4 == 3 ? 1 : 0); }

// torchvision's Resize and CenterCrop: the longer side is cut to a whole number, the margin rounded to even.
Target target_of(const InputCard& card, ImageSize upright) {
  if (card.crop_resize == 0) return {card.width, card.height, 0, 0};
  const int shorter = std::min(upright.width, upright.height);
  const int longer = std::max(upright.width, upright.height);
  const auto scaled = static_cast<std::int64_t>(static_cast<double>(std::int64_t{card.crop_resize} * longer) / shorter);
  const bool is_tall = upright.width <= upright.height;
  Target target{is_tall ? card.crop_resize : scaled, is_tall ? scaled : card.crop_resize, 0, 0};
  target.left = half_to_even(target.width - card.width);
  target.top = half_to_even(target.height - card.height);
  return target;
}

ImageSize swapped(ImageSize size, bool swaps) { return swaps ? ImageSize{size.height, size.width} : size; }

int clamped_side(std::int64_t side) { return static_cast<int>(std::min(side, kMaxResizedSide)); }

// From pixels as they are stored to the card's: turning is no pass of its own, its mirrors are in the filters and its
// swap of axes in how rows are written.
Result<ResizePlan> plan_for(const InputCard& card, const StoredImage& stored, const Walk& walk) {
  const Target target = target_of(card, swapped(stored.full, walk.swaps_axes));
  if (std::max(target.width, target.height) > kMaxResizedSide) {
    return Error{Code::kExhausted, "the image is " + std::to_string(stored.full.width) + "x" +
                                       std::to_string(stored.full.height) +
                                       " pixels, too long for the card's \"crop\"; cut it first"};
  }
  const ImageSize upright = swapped({stored.width, stored.height}, walk.swaps_axes);
  Axis across{card.resize, upright.width, 0, target.width, target.left, card.width, false};
  Axis down{card.resize, upright.height, 0, target.height, target.top, card.height, false};
  const bool rows_first = rows_come_first(upright, target.width, target.height);
  ResizePlan plan{walk.swaps_axes ? down : across, walk.swaps_axes ? across : down, rows_first != walk.swaps_axes};
  plan.columns.extent = static_cast<double>(stored.full.width) / stored.scale;
  plan.rows.extent = static_cast<double>(stored.full.height) / stored.scale;
  plan.columns.mirrored = walk.from_right;
  plan.rows.mirrored = walk.from_bottom;
  return plan;
}

StoredOptions options_for(const InputCard& card) {
  StoredOptions options;
  if (card.decode == DecodeMode::kExact) return options;
  options.wanted = [&card](ImageSize full, int orientation) {
    const bool swaps = card.orientation == Orientation::kExif && walk_of(orientation).swaps_axes;
    const Target target = target_of(card, swapped(full, swaps));
    return swapped({clamped_side(target.width), clamped_side(target.height)}, swaps);
  };
  return options;
}

Status decode_with(std::span<const std::byte> bytes, const InputCard& card, DType dtype, std::span<std::byte> slot,
                   PixelBuffer& pixels, ResizeWorkspace& workspace) {
  ASSIGN_OR_RETURN(StoredImage stored, decode_stored(bytes, options_for(card), pixels));
  if (card.mean.size() == 1) make_grey(stored, pixels);
  const Walk walk = card.orientation == Orientation::kExif ? walk_of(stored.orientation) : Walk();
  ASSIGN_OR_RETURN(const ResizePlan plan, plan_for(card, stored, walk));
  const TensorWriter writer(card, dtype, slot);
  const PixelView view{pixels.data(), stored.width, stored.height, stored.channels};
  const auto write = walk.swaps_axes ? &TensorWriter::write_column : &TensorWriter::write_row;
  return resize_rows(view, plan, workspace,
                     [&](int line, const std::uint8_t* made) { (writer.*write)(line, made, stored.channels); });
}

}  // namespace

struct ImageScratch::Parts {
  PixelBuffer pixels;
  ResizeWorkspace workspace;

  void trim() {
    for (PixelBuffer* const buffer : {&pixels, &workspace.between, &workspace.tail, &workspace.out}) {
      buffer->keep_at_most(kMaxKeptScratchBytes);
    }
  }
};

ImageScratch::ImageScratch() : parts_(std::make_unique<Parts>()) {}
ImageScratch::ImageScratch(ImageScratch&&) noexcept = default;
ImageScratch& ImageScratch::operator=(ImageScratch&&) noexcept = default;
ImageScratch::~ImageScratch() = default;

Result<Shape> image_tensor_shape(const InputCard& card, DType dtype) {
  const std::size_t channels = card.mean.size();
  const bool is_image =
      card.kind == InputKind::kImage && (channels == 1 || channels == 3) && card.std.size() == channels;
  if (!is_image) {
    return Error{Code::kInvalid, "card: \"kind\" must be \"image\", with 1 or 3 numbers in \"mean\" and \"std\""};
  }
  RETURN_IF_ERROR(check_sides(card));
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
  const TensorWriter writer(card, dtype, tensor.mutable_bytes());
  const std::size_t row_bytes = static_cast<std::size_t>(card.width) * card.mean.size();
  for (int y = 0; y < card.height; ++y) {
    writer.write_row(y, image.pixels.data() + static_cast<std::size_t>(y) * row_bytes, channels);
  }
  return tensor;
}

Status decode_into(std::span<const std::byte> bytes, const InputCard& card, DType dtype, std::span<std::byte> slot,
                   ImageScratch* scratch) {
  ASSIGN_OR_RETURN(const Shape shape, image_tensor_shape(card, dtype));
  ASSIGN_OR_RETURN(const std::size_t slot_bytes, tensor_bytes(dtype, shape));
  if (slot.size() != slot_bytes) {
    return Error{Code::kInvalid,
                 "a slot of " + std::to_string(slot.size()) + " bytes for a tensor of " + std::to_string(slot_bytes)};
  }
  try {
    ImageScratch own;
    ImageScratch::Parts& parts = *(scratch == nullptr ? own : *scratch).parts_;
    const Status status = decode_with(bytes, card, dtype, slot, parts.pixels, parts.workspace);
    parts.trim();
    return status;
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory for an image"};
  }
}

Result<Tensor> decode_to_tensor(std::span<const std::byte> bytes, const InputCard& card, DType dtype) {
  ASSIGN_OR_RETURN(Shape shape, image_tensor_shape(card, dtype));
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(dtype, std::move(shape)));
  RETURN_IF_ERROR(decode_into(bytes, card, dtype, tensor.mutable_bytes()));
  return tensor;
}

}  // namespace arete::media
