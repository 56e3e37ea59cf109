#include "media/image/filter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace arete::media {
namespace {

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Keys' cubic with a = -1/2. The order of the operations decides the last bit.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct KernelRow {
  double (*value)(double x);
  double reach;  // value(x) is 0 beyond
};

// By ResizeFilter; nearest has no kernel.
constexpr std::array<KernelRow, 3> kKernels = {{{triangle, 1.0}, {cubic, 2.0}, {lanczos, 3.0}}};

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

// Zeros at either end of a window change nothing and are left out.
void append_window(int first, std::vector<std::int32_t>& weights, Filter& filter) {
  const auto is_zero = [](std::int32_t weight) { return weight == 0; };
  while (weights.size() > 1 && is_zero(weights.back())) weights.pop_back();
  auto begin = std::ranges::find_if_not(weights, is_zero);
  if (begin == weights.end()) begin = weights.begin();
  const Window window{first + static_cast<int>(begin - weights.begin()), static_cast<int>(weights.end() - begin),
                      filter.high.size()};
  for (; begin != weights.end(); ++begin) {
    filter.high.push_back(static_cast<std::int16_t>(*begin >> 8));
    filter.low.push_back(static_cast<std::int16_t>(*begin & 255));
  }
  const std::size_t padded = (filter.high.size() + kWeightGroup - 1) / kWeightGroup * kWeightGroup;
  filter.high.resize(padded);
  filter.low.resize(padded);
  filter.windows.push_back(window);
  filter.longest = std::max(filter.longest, window.count);
}

void append_kernel_windows(const Axis& axis, const KernelRow& kernel, Filter& filter) {
  const double scale = axis.extent / static_cast<double>(axis.new_size);
  const double stretch = std::max(scale, 1.0);
  const double reach = kernel.reach * stretch;
  const double shrink = 1.0 / stretch;
  std::vector<double> values;
  std::vector<std::int32_t> weights;
  for (std::int64_t i = axis.first; i < axis.first + axis.count; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - reach + 0.5));
    const int end = std::min(axis.old_size, static_cast<int>(centre + reach + 0.5));
    values.clear();
    double sum = 0;
    for (int at = first; at < end; ++at) {
      values.push_back(kernel.value((at - centre + 0.5) * shrink));
      sum += values.back();
    }
    weights.clear();
    for (const double value : values) weights.push_back(fixed_point(sum != 0.0 ? value / sum : value));
    append_window(first, weights, filter);
  }
}

// The position is a running sum, whose rounding decides between two pixels now and then.
void append_nearest_windows(const Axis& axis, Filter& filter) {
  const double step = axis.extent / static_cast<double>(axis.new_size);
  double position = step * 0.5;
  std::vector<std::int32_t> weights;
  for (std::int64_t i = 0; i < axis.first + axis.count; ++i, position += step) {
    if (i < axis.first) continue;
    weights.assign(1, 1 << kWeightBits);
    append_window(std::min(static_cast<int>(position), axis.old_size - 1), weights, filter);
  }
}

void mirror(int old_size, Filter& filter) {
  for (Window& window : filter.windows) {
    window.first = old_size - window.first - window.count;
    const auto from = static_cast<std::ptrdiff_t>(window.weights_at);
    std::reverse(filter.high.begin() + from, filter.high.begin() + from + window.count);
    std::reverse(filter.low.begin() + from, filter.low.begin() + from + window.count);
  }
}

bool is_identity(const Filter& filter, int old_size) {
  if (filter.longest != 1 || filter.windows.size() != static_cast<std::size_t>(old_size)) return false;
  for (int i = 0; i < old_size; ++i) {
    if (filter.windows[static_cast<std::size_t>(i)].first != i) return false;
  }
  return true;
}

}  // namespace

Filter make_filter(const Axis& axis) {
  Filter filter;
  filter.windows.reserve(static_cast<std::size_t>(axis.count));
  if (axis.filter == ResizeFilter::kNearest) {
    append_nearest_windows(axis, filter);
  } else {
    append_kernel_windows(axis, kKernels[static_cast<std::size_t>(axis.filter)], filter);
  }
  if (axis.mirrored) mirror(axis.old_size, filter);
  filter.is_identity = is_identity(filter, axis.old_size);
  return filter;
}

}  // namespace arete::media
