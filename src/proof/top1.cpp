#include "proof/top1.h"

#include <cstddef>
#include <span>

namespace arete::proof {
namespace {

std::int64_t first_largest(std::span<const double> scores) {
  std::int64_t best = -1;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool larger = best < 0 ? scores[i] == scores[i]  // not NaN
                                 : scores[i] > scores[static_cast<std::size_t>(best)];
    if (larger) best = static_cast<std::int64_t>(i);
  }
  return best;
}

// Probabilities, logits, or either in 8 bits. Wider integers are token numbers or counts, bools are answers already.
bool may_be_scores(DType dtype) { return is_floating(dtype) || dtype == DType::kUint8 || dtype == DType::kInt8; }

bool holds_class_numbers(const Tensor& output) {
  return output.shape().size() == 1 && (output.dtype() == DType::kInt64 || output.dtype() == DType::kInt32);
}

}  // namespace

std::optional<Top1> top1_of(const Tensor& output, std::int64_t rows, std::optional<double> yes_above) {
  const Shape shape = without_trailing_ones(output.shape());
  if (shape.empty() || shape[0] != rows) return std::nullopt;
  const bool class_numbers = holds_class_numbers(output);
  const bool scores = shape.size() == 2 && shape[1] >= 2 && may_be_scores(output.dtype());
  const bool one_score =
      yes_above && is_floating(output.dtype()) && (shape.size() == 1 || (shape.size() == 2 && shape[1] == 1));
  if (!scores && !class_numbers && !one_score) return std::nullopt;
  const Result<std::vector<double>> numbers = to_doubles(output);
  if (!numbers) return std::nullopt;
  Top1 top;
  top.from_scores = !class_numbers;
  top.count = scores ? shape[1] : one_score ? 2 : 0;
  const std::size_t width = scores ? static_cast<std::size_t>(shape[1]) : 1;
  for (std::size_t at = 0; at < numbers->size(); at += width) {
    const std::span<const double> row(numbers->data() + at, width);
    const double first = row[0];
    if (scores) {
      top.classes.push_back(first_largest(row));
    } else if (one_score) {
      top.classes.push_back(first != first ? -1 : first > *yes_above ? 1 : 0);
    } else {
      top.classes.push_back(static_cast<std::int64_t>(first));
    }
  }
  return top;
}

}  // namespace arete::proof
