#include "media/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include "core/check.h"
#include "media/image/codecs.h"

namespace arete::media {
namespace {

// 8 bits of pixel, 22 of weight, sign and one bit to spare fill an int32.
constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

std::uint8_t to_pixel(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

// For each new pixel along one axis: which old ones it is made of, and how much of each.
struct Window {
  int first = 0;
  int count = 0;
  std::size_t weights_at = 0;
};
struct Filter {
  std::vector<Window> windows;
  std::vector<std::int32_t> weights;
};

// The triangle's values over one window, which sum to 1 before they are rounded.
void append_weights(double centre, double reach, const Window& window, Filter& filter) {
  std::vector<double> values(static_cast<std::size_t>(window.count));
  double sum = 0;
  for (int i = 0; i < window.count; ++i) {
    const double distance = std::abs((i + window.first - centre + 0.5) * (1.0 / reach));
    values[static_cast<std::size_t>(i)] = std::max(0.0, 1.0 - distance);
    sum += values[static_cast<std::size_t>(i)];
  }
  for (const double value : values) {
    const double weight = sum != 0 ? value / sum : value;
    filter.weights.push_back(static_cast<std::int32_t>(0.5 + weight * (1 << kWeightBits)));
  }
}

Filter make_filter(int old_size, int new_size) {
  const double scale = static_cast<double>(old_size) / new_size;
  const double reach = std::max(scale, 1.0);  // of the triangle, in old pixels
  Filter filter;
  for (int i = 0; i < new_size; ++i) {
    const double centre = (i + 0.5) * scale;
    Window window;
    window.first = std::max(0, static_cast<int>(centre - reach + 0.5));
    window.count = std::min(old_size, static_cast<int>(centre + reach + 0.5)) - window.first;
    window.weights_at = filter.weights.size();
    append_weights(centre, reach, window, filter);
    filter.windows.push_back(window);
  }
  return filter;
}

void resample_grey_row(const std::uint8_t* from, const Filter& filter, std::uint8_t* to) {
  for (const Window& window : filter.windows) {
    const std::int32_t* const weights = filter.weights.data() + window.weights_at;
    std::int32_t sum = kHalf;
    for (int i = 0; i < window.count; ++i) sum += from[window.first + i] * weights[i];
    *to++ = to_pixel(sum);
  }
}

// One sum a channel by name: an array of sums would live in memory and take twice the time.
void resample_colour_row(const std::uint8_t* from, const Filter& filter, std::uint8_t* to) {
  for (const Window& window : filter.windows) {
    const std::uint8_t* pixel = from + std::ptrdiff_t{3} * window.first;
    const std::int32_t* const weights = filter.weights.data() + window.weights_at;
    std::int32_t red = kHalf;
    std::int32_t green = kHalf;
    std::int32_t blue = kHalf;
    for (int i = 0; i < window.count; ++i, pixel += 3) {
      red += pixel[0] * weights[i];
      green += pixel[1] * weights[i];
      blue += pixel[2] * weights[i];
    }
    *to++ = to_pixel(red);
    *to++ = to_pixel(green);
    *to++ = to_pixel(blue);
  }
}

Image resample_columns(const Image& image, int width) {
  const Filter filter = make_filter(image.width, width);
  Image out = make_image(width, image.height, image.channels);
  const auto resample = image.channels == 3 ? resample_colour_row : resample_grey_row;
  const std::size_t old_row = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  const std::size_t new_row = static_cast<std::size_t>(width) * static_cast<std::size_t>(image.channels);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    resample(image.pixels.data() + y * old_row, filter, out.pixels.data() + y * new_row);
  }
  return out;
}

Image resample_rows(const Image& image, int height) {
  const Filter filter = make_filter(image.height, height);
  Image out = make_image(image.width, height, image.channels);
  const std::size_t row = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  std::vector<std::int32_t> sums(row);
  std::uint8_t* to = out.pixels.data();
  for (const Window& window : filter.windows) {
    std::ranges::fill(sums, kHalf);
    const std::uint8_t* from = image.pixels.data() + static_cast<std::size_t>(window.first) * row;
    for (int i = 0; i < window.count; ++i, from += row) {
      const std::int32_t weight = filter.weights[window.weights_at + static_cast<std::size_t>(i)];
      for (std::size_t x = 0; x < row; ++x) sums[x] += from[x] * weight;
    }
    to = std::ranges::transform(sums, to, to_pixel).out;
  }
  return out;
}

// Pillow 13's choice: when the height shrinks by more than twice what the width does.
bool rows_come_first(const Image& image, int width, int height) {
  const std::int64_t lower = std::int64_t{image.height} - height;
  const std::int64_t narrower = std::int64_t{image.width} - width;
  return lower > 0 && lower > 2 * narrower;
}

Status check_sizes(const Image& image, int width, int height) {
  if (image.width < 1 || image.height < 1 || image.pixels.empty()) {
    return Error{Code::kInvalid, "cannot resize an image without pixels"};
  }
  const std::string to = std::to_string(width) + "x" + std::to_string(height);
  if (width < 1 || height < 1 || width > kMaxCardImageSide || height > kMaxCardImageSide) {
    return Error{Code::kInvalid,
                 "cannot resize to " + to + ": a side must be 1 to " + std::to_string(kMaxCardImageSide)};
  }
  const bool rows_first = rows_come_first(image, width, height);
  const std::int64_t between = rows_first ? std::int64_t{image.width} * height : std::int64_t{image.height} * width;
  const std::int64_t pixels = std::max(between, std::int64_t{width} * height);
  if (pixels * image.channels <= kMaxResizeBytes) return {};
  return Error{Code::kExhausted, "resizing " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                                     " to " + to + " takes more than 512 MiB; crop or scale the image first"};
}

}  // namespace

Result<Image> resize(const Image& image, int width, int height) {
  RETURN_IF_ERROR(check_sizes(image, width, height));
  CHECK(image.channels == 1 || image.channels == 3);
  try {
    // A pass along an axis that keeps its size changes nothing and is left out.
    const bool same_width = width == image.width;
    const bool same_height = height == image.height;
    if (same_width && same_height) return image;
    if (same_width) return resample_rows(image, height);
    if (same_height) return resample_columns(image, width);
    if (rows_come_first(image, width, height)) return resample_columns(resample_rows(image, height), width);
    return resample_rows(resample_columns(image, width), height);
  } catch (const std::bad_alloc&) {
    return Error{Code::kExhausted, "no memory to resize an image"};
  }
}

}  // namespace arete::media
