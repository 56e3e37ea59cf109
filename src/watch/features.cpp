#include "watch/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "watch/reference.h"

namespace arete::watch {
namespace {

constexpr std::array<std::string_view, 4> kStatistics = {"mean", "deviation", "minimum", "maximum"};
constexpr std::size_t kImageRank = 4;

// Whether its elements become doubles.
bool has_numbers(DType dtype) {
  const Result<Tensor> none = Tensor::zeros(dtype, {0});
  return none && to_doubles(*none);
}

std::size_t channel_axis(PixelLayout layout) { return layout == PixelLayout::kNchw ? 1 : 3; }

// A sample's elements where they are few and always as many, else nothing.
std::optional<std::int64_t> few_elements(const TensorSpec& tensor, bool has_batch_axis) {
  if (!tensor.known_shape) return std::nullopt;
  const std::size_t skipped = has_batch_axis && !tensor.shape.empty() ? 1 : 0;
  const Result<std::int64_t> count = element_count(std::span(tensor.shape).subspan(skipped));  // refuses dynamic sizes
  if (!count || *count > kMaxElementFeatures) return std::nullopt;
  return *count;
}

// Elements first, first + step, ... of all: mean, deviation, minimum, maximum.
void add_statistics(std::span<const double> all, std::size_t first, std::size_t step, std::size_t count,
                    std::vector<double>& values) {
  double sum = 0;
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -smallest;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = all[first + i * step];
    sum += value;
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
  if (count == 0 || !std::isfinite(sum)) {
    values.insert(values.end(), kStatistics.size(), std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double off = all[first + i * step] - mean;
    squares += off * off;
  }
  values.insert(values.end(), {mean, std::sqrt(squares / static_cast<double>(count)), smallest, largest});
}

}  // namespace

Result<FeatureReader> FeatureReader::make(std::span<const TensorSpec> tensors, const InputCard* card,
                                          bool has_batch_axis) {
  FeatureReader reader;
  if (card != nullptr) reader.layout_ = card->layout;
  for (const TensorSpec& tensor : tensors) {
    if (!has_numbers(tensor.dtype)) continue;
    reader.parts_.push_back(part_of(tensor, card != nullptr, reader.layout_, has_batch_axis));
    reader.add_names(reader.parts_.back());
    if (reader.names_.size() > kMaxFeatures)
      return Error{Code::kExhausted, "there are more than " + std::to_string(kMaxFeatures) + " features to watch"};
  }
  const bool is_record = card != nullptr && card->kind == InputKind::kRecord && tensors.size() == 1;
  if (is_record && card->fields.size() == reader.names_.size() && reader.parts_.front().form == Form::kElements)
    std::ranges::transform(card->fields, reader.names_.begin(), &RecordField::name);
  return reader;
}

FeatureReader::Part FeatureReader::part_of(const TensorSpec& tensor, bool may_have_channels, PixelLayout layout,
                                           bool has_batch_axis) {
  if (const auto elements = few_elements(tensor, has_batch_axis)) return {tensor.name, Form::kElements, *elements};
  if (!may_have_channels || !tensor.known_shape || tensor.shape.size() != kImageRank) return {tensor.name};
  const std::int64_t channels = tensor.shape[channel_axis(layout)];
  if (channels < 1 || channels > kMaxChannels) return {tensor.name};
  return {tensor.name, Form::kChannels, channels};
}

void FeatureReader::add_names(const Part& part) {
  if (part.form == Form::kElements) {
    for (std::int64_t i = 0; i < part.count; ++i) names_.push_back(part.tensor + "[" + std::to_string(i) + "]");
    return;
  }
  const std::int64_t groups = part.form == Form::kChannels ? part.count : 1;
  for (std::int64_t i = 0; i < groups; ++i) {
    const std::string channel = part.form == Form::kChannels ? ".channel" + std::to_string(i) : "";
    for (const std::string_view statistic : kStatistics)
      names_.push_back(part.tensor + channel + "." + std::string(statistic));
  }
}

Result<std::vector<double>> FeatureReader::read(std::span<const NamedTensor> sample) const {
  std::vector<double> values;
  values.reserve(names_.size());
  for (const Part& part : parts_) {
    const auto found = std::ranges::find(sample, part.tensor, &NamedTensor::name);
    if (found == sample.end()) return Error{Code::kInvalid, "the sample has no '" + part.tensor + "'"};
    RETURN_IF_ERROR(read_part(part, found->tensor, values));
  }
  return values;
}

Status FeatureReader::read_part(const Part& part, const Tensor& tensor, std::vector<double>& values) const {
  const Error other_sizes{Code::kInvalid, "'" + part.tensor + "' is " + describe(tensor) + ", which is no sample of " +
                                              std::to_string(part.count) + " " +
                                              (part.form == Form::kElements ? "elements" : "channels")};
  ASSIGN_OR_RETURN(const std::vector<double> elements, to_doubles(tensor));
  if (part.form == Form::kElements) {
    if (tensor.size() != part.count) return other_sizes;
    values.insert(values.end(), elements.begin(), elements.end());
    return {};
  }
  if (part.form == Form::kWhole) {
    add_statistics(elements, 0, 1, elements.size(), values);
    return {};
  }
  const Shape& shape = tensor.shape();
  if (shape.size() != kImageRank || shape[0] != 1 || shape[channel_axis(layout_)] != part.count) return other_sizes;
  const auto channels = static_cast<std::size_t>(part.count);
  const std::size_t pixels = elements.size() / channels;
  for (std::size_t i = 0; i < channels; ++i) {
    const bool planes = layout_ == PixelLayout::kNchw;
    add_statistics(elements, planes ? i * pixels : i, planes ? 1 : channels, pixels, values);
  }
  return {};
}

}  // namespace arete::watch
