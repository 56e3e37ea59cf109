#include "watch/reference_builder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"

namespace arete::watch {
namespace {

// Equal values of a sorted run: [begin, end).
std::size_t end_of_equals(std::span<const double> sorted, std::size_t begin) {
  const auto rest = sorted.subspan(begin);
  return begin + static_cast<std::size_t>(std::ranges::upper_bound(rest, rest.front()) - rest.begin());
}

// Not above `most` + 1.
std::size_t count_distinct(std::span<const double> sorted, std::size_t most) {
  std::size_t distinct = 0;
  for (std::size_t at = 0; at < sorted.size() && distinct <= most; at = end_of_equals(sorted, at)) ++distinct;
  return distinct;
}

// Takes the lower one where nothing lies between: a value on an edge belongs below it.
double edge_between(double low, double high) { return std::midpoint(low, high); }

void count_class(ClassCounts& classes, std::int64_t label) {
  if (label < 0 || label >= static_cast<std::int64_t>(kMaxClasses)) {
    ++classes.missing;
    return;
  }
  const auto place = static_cast<std::size_t>(label);
  if (place >= classes.counts.size()) classes.counts.resize(place + 1);
  ++classes.counts[place];
}

}  // namespace

std::vector<double> choose_edges(std::span<const double> sorted, std::size_t bins) {
  const bool one_a_value = count_distinct(sorted, bins) <= bins;
  std::vector<double> edges;
  std::size_t bin_begin = 0;
  for (std::size_t at = 0; at < sorted.size();) {
    const std::size_t end = end_of_equals(sorted, at);
    const std::size_t bins_left = bins - edges.size();
    // What is left, shared among the bins that are left. Ending here is nearer to it than ending behind these equals?
    const double wanted = static_cast<double>(sorted.size() - bin_begin) / static_cast<double>(bins_left);
    const double half_way = static_cast<double>(at - bin_begin) + static_cast<double>(end - at) / 2;
    if (at > bin_begin && bins_left > 1 && (one_a_value || half_way > wanted)) {
      edges.push_back(edge_between(sorted[at - 1], sorted[at]));
      bin_begin = at;
    }
    at = end;
  }
  return edges;
}

DistributionBuilder::DistributionBuilder(std::string name, std::size_t bins, std::size_t window)
    : bins_(bins), window_limit_(window) {
  row_.name = std::move(name);
}

void DistributionBuilder::add(double value) {
  if (!is_counted(value)) {
    ++row_.missing;
    return;
  }
  row_.minimum = values_ == 0 ? value : std::min(row_.minimum, value);
  row_.maximum = values_ == 0 ? value : std::max(row_.maximum, value);
  ++values_;
  const double before = value - row_.mean;
  row_.mean += before / static_cast<double>(values_);
  squares_ += before * (value - row_.mean);
  if (!sums_.empty()) return count(value);
  window_.push_back(value);
  if (window_.size() == window_limit_) choose_bins();
}

Distribution DistributionBuilder::finish() {
  if (sums_.empty()) choose_bins();
  if (values_ > 0) {
    // Rounding alone could lead out of these bounds.
    row_.mean = std::clamp(row_.mean, row_.minimum, row_.maximum);
    const double deviation = std::sqrt(std::max(squares_, 0.0) / static_cast<double>(values_));
    row_.deviation = std::min(deviation, row_.maximum - row_.minimum);
  }
  row_.means.assign(row_.counts.size(), 0);
  for (std::size_t i = 0; i < row_.counts.size(); ++i) {
    if (row_.counts[i] == 0) continue;
    const double low = i == 0 ? row_.minimum : std::max(row_.minimum, row_.edges[i - 1]);
    const double high = i == row_.edges.size() ? row_.maximum : std::min(row_.maximum, row_.edges[i]);
    row_.means[i] = std::clamp(sums_[i] / static_cast<double>(row_.counts[i]), low, high);
  }
  return std::move(row_);
}

void DistributionBuilder::choose_bins() {
  std::vector<double> values = std::move(window_);
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  row_.edges = choose_edges(sorted, bins_);
  row_.counts.assign(row_.edges.size() + 1, 0);
  sums_.assign(row_.counts.size(), 0);
  for (const double value : values) count(value);
}

void DistributionBuilder::count(double value) {
  const std::size_t bin = bin_of(row_.edges, value);
  ++row_.counts[bin];
  sums_[bin] += value;
}

ReferenceBuilder::ReferenceBuilder(const ReferencePlan& plan) {
  CHECK(plan.bins >= 1 && plan.bins <= kMaxEdges + 1);
  const std::size_t distributions = plan.features.size() + plan.outputs.size() + (plan.confidence ? 1 : 0);
  const std::size_t window =
      std::clamp<std::size_t>(kWindowValues / std::max<std::size_t>(distributions, 1), std::size_t{1}, kMaxWindow);
  reference_.predictor = plan.predictor;
  for (const std::string& name : plan.features) features_.emplace_back(name, plan.bins, window);
  for (const std::string& name : plan.outputs) outputs_.emplace_back(name, plan.bins, window);
  if (plan.confidence) confidence_.emplace("confidence", plan.bins, window);
  if (plan.classes) reference_.classes.emplace().counts.resize(std::min(*plan.classes, kMaxClasses));
}

void ReferenceBuilder::add(std::span<const double> features, const Answer& answer) {
  CHECK(features.size() == features_.size() && answer.outputs.size() == outputs_.size());
  ++reference_.samples;
  for (std::size_t i = 0; i < features.size(); ++i) features_[i].add(features[i]);
  for (std::size_t i = 0; i < outputs_.size(); ++i) outputs_[i].add(answer.outputs[i]);
  if (reference_.classes) count_class(*reference_.classes, answer.label);
  if (confidence_) confidence_->add(answer.confidence);
}

Result<Reference> ReferenceBuilder::finish() {
  for (DistributionBuilder& builder : features_) reference_.features.push_back(builder.finish());
  for (DistributionBuilder& builder : outputs_) reference_.outputs.push_back(builder.finish());
  if (confidence_) reference_.confidence = confidence_->finish();
  RETURN_IF_ERROR(check_reference(reference_));
  return std::move(reference_);
}

}  // namespace arete::watch
