#include <algorithm>

#include "media/image/resample.h"

namespace arete::media {
namespace {

constexpr std::uint32_t kHalf = 1U << (kWeightBits - 1);

// Unsigned arithmetic wraps where the vector instructions do.
std::uint32_t weight_of(const Filter& filter, std::size_t at) {
  return static_cast<std::uint32_t>(filter.high[at] * 256 + filter.low[at]);
}

std::uint8_t to_pixel(std::uint32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(static_cast<std::int32_t>(sum) >> kWeightBits, 0, 255));
}

void resample_grey(const Filter& filter, const std::uint8_t* from, std::uint8_t* to) {
  for (const Window& window : filter.windows) {
    std::uint32_t sum = kHalf;
    for (int i = 0; i < window.count; ++i) {
      sum += from[window.first + i] * weight_of(filter, window.weights_at + static_cast<std::size_t>(i));
    }
    *to++ = to_pixel(sum);
  }
}

// One sum a channel by name: an array of sums would live in memory and take twice the time.
void resample_colour(const Filter& filter, const std::uint8_t* from, std::uint8_t* to) {
  for (const Window& window : filter.windows) {
    const std::uint8_t* pixel = from + std::ptrdiff_t{3} * window.first;
    std::uint32_t red = kHalf;
    std::uint32_t green = kHalf;
    std::uint32_t blue = kHalf;
    for (int i = 0; i < window.count; ++i, pixel += 3) {
      const std::uint32_t weight = weight_of(filter, window.weights_at + static_cast<std::size_t>(i));
      red += pixel[0] * weight;
      green += pixel[1] * weight;
      blue += pixel[2] * weight;
    }
    *to++ = to_pixel(red);
    *to++ = to_pixel(green);
    *to++ = to_pixel(blue);
  }
}

}  // namespace

void resample_columns_plain(const Filter& filter, int channels, const SourceRows& from, const TargetRows& to) {
  for (std::size_t row = 0; row < kRowGroup; ++row) {
    if (channels == 3) {
      resample_colour(filter, from[row], to[row]);
    } else {
      resample_grey(filter, from[row], to[row]);
    }
  }
}

void resample_row_plain(const Filter& filter, const Window& window, std::span<const std::uint8_t* const> rows,
                        std::size_t size_bytes, std::uint8_t* to) {
  constexpr std::size_t kBlock = 256;  // sums that stay in the first-level cache
  std::array<std::uint32_t, kBlock> sums{};
  for (std::size_t begin = 0; begin < size_bytes; begin += kBlock) {
    const std::size_t count = std::min(kBlock, size_bytes - begin);
    sums.fill(kHalf);
    for (int i = 0; i < window.count; ++i) {
      const std::uint8_t* const row = rows[static_cast<std::size_t>(i)] + begin;
      const std::uint32_t weight = weight_of(filter, window.weights_at + static_cast<std::size_t>(i));
      for (std::size_t x = 0; x < count; ++x) sums[x] += row[x] * weight;
    }
    for (std::size_t x = 0; x < count; ++x) to[begin + x] = to_pixel(sums[x]);
  }
}

}  // namespace arete::media
