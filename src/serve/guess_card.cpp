#include "serve/guess_card.h"

namespace arete::serve {
namespace {

constexpr std::int64_t kMinSide = 8;  // smaller "images" are more likely something else

bool is_side(std::int64_t size) { return size >= kMinSide && size <= kMaxCardImageSide; }
bool is_channels(std::int64_t size) { return size == 1 || size == 3; }

bool takes_pixels(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kUint8;
}

bool is_classification(const engine::ValueInfo& output) {
  Shape shape = output.shape;
  while (shape.size() > 2 && shape.back() == 1) shape.pop_back();
  return output.known_shape && shape.size() == 2 && shape[1] > 1;
}

}  // namespace

std::optional<ModelCard> guess_card(std::span<const engine::ValueInfo> inputs,
                                    std::span<const engine::ValueInfo> outputs) {
  if (inputs.size() != 1 || outputs.empty()) return std::nullopt;
  const engine::ValueInfo& input = inputs.front();
  const Shape& shape = input.shape;
  if (!input.known_shape || shape.size() != 4 || shape[0] > 1 || !takes_pixels(input.dtype)) return std::nullopt;
  const bool channels_first = is_channels(shape[1]) && is_side(shape[2]) && is_side(shape[3]);
  const bool channels_last = is_channels(shape[3]) && is_side(shape[1]) && is_side(shape[2]);
  if (!channels_first && !channels_last) return std::nullopt;
  ModelCard card;
  card.input.kind = InputKind::kImage;
  card.input.layout = channels_first ? PixelLayout::kNchw : PixelLayout::kNhwc;
  card.input.height = static_cast<int>(shape[channels_first ? 2 : 1]);
  card.input.width = static_cast<int>(shape[channels_first ? 3 : 2]);
  const int channels = static_cast<int>(shape[channels_first ? 1 : 3]);
  set_default_normalisation(card.input, channels);
  if (input.dtype == DType::kUint8) {
    card.input.mean.assign(static_cast<std::size_t>(channels), 0.0F);
    card.input.std.assign(static_cast<std::size_t>(channels), 1.0F);
  }
  if (is_classification(outputs.front())) card.output.kind = OutputKind::kClassification;
  return card;
}

}  // namespace arete::serve
