#include "media/image/normalise.h"

#include <bit>
#include <cstring>

#include "core/tensor.h"

namespace arete::media {
namespace {

float normalised(unsigned pixel, float mean, float std) { return (static_cast<float>(pixel) / 255.0F - mean) / std; }

std::uint32_t bits_of(DType dtype, unsigned pixel, float mean, float std) {
  if (dtype == DType::kUint8) return pixel;
  const float value = normalised(pixel, mean, std);
  return dtype == DType::kFloat16 ? float_to_half(value) : std::bit_cast<std::uint32_t>(value);
}

template <class Bits>
void put(std::byte* to, std::uint32_t bits) {
  const auto narrow = static_cast<Bits>(bits);
  std::memcpy(to, &narrow, sizeof(Bits));
}

// Every `pixel_step`th of `pixels`, looked up, to every `step`th element.
template <class Bits>
void look_up(const std::array<std::uint32_t, 256>& table, const std::uint8_t* pixels, std::size_t pixel_step,
             std::size_t count, std::size_t step, std::byte* to) {
  const std::size_t step_bytes = step * sizeof(Bits);
  std::size_t i = 0;
  // Four lookups, then four stores: a store may change the table for all that the compiler knows.
  for (; i + 4 <= count; i += 4, pixels += 4 * pixel_step, to += 4 * step_bytes) {
    const std::uint32_t a = table[pixels[0]];
    const std::uint32_t b = table[pixels[pixel_step]];
    const std::uint32_t c = table[pixels[2 * pixel_step]];
    const std::uint32_t d = table[pixels[3 * pixel_step]];
    put<Bits>(to, a);
    put<Bits>(to + step_bytes, b);
    put<Bits>(to + 2 * step_bytes, c);
    put<Bits>(to + 3 * step_bytes, d);
  }
  for (; i < count; ++i, pixels += pixel_step, to += step_bytes) put<Bits>(to, table[*pixels]);
}

}  // namespace

TensorWriter::TensorWriter(const InputCard& card, DType dtype, std::span<std::byte> slot)
    : dtype_(dtype),
      slot_(slot),
      width_(static_cast<std::size_t>(card.width)),
      height_(static_cast<std::size_t>(card.height)),
      channels_(card.mean.size()) {
  const bool planar = card.layout == PixelLayout::kNchw;
  steps_ = planar ? Steps{width_, 1, width_ * height_} : Steps{width_ * channels_, channels_, 1};
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    for (unsigned pixel = 0; pixel < 256; ++pixel) {
      table_[channel][pixel] = bits_of(dtype, pixel, card.mean[channel], card.std[channel]);
    }
  }
}

// Channel by channel: three planes are as far apart as caches like least.
template <class Bits>
void TensorWriter::write(std::size_t first, std::size_t step, std::size_t count, const std::uint8_t* pixels,
                         int channels) const {
  const auto pixel_step = static_cast<std::size_t>(channels);
  for (std::size_t channel = 0; channel < channels_; ++channel) {
    look_up<Bits>(table_[channel], pixels + (channels == 1 ? 0 : channel), pixel_step, count, step,
                  slot_.data() + (first + channel * steps_.channel) * sizeof(Bits));
  }
}

void TensorWriter::write_line(std::size_t first, std::size_t step, std::size_t count, const std::uint8_t* pixels,
                              int channels) const {
  switch (dtype_) {
    case DType::kFloat32:
      write<std::uint32_t>(first, step, count, pixels, channels);
      break;
    case DType::kFloat16:
      write<std::uint16_t>(first, step, count, pixels, channels);
      break;
    default:
      write<std::uint8_t>(first, step, count, pixels, channels);
      break;
  }
}

void TensorWriter::write_row(int y, const std::uint8_t* pixels, int channels) const {
  write_line(static_cast<std::size_t>(y) * steps_.row, steps_.column, width_, pixels, channels);
}

void TensorWriter::write_column(int x, const std::uint8_t* pixels, int channels) const {
  write_line(static_cast<std::size_t>(x) * steps_.column, steps_.row, height_, pixels, channels);
}

}  // namespace arete::media
