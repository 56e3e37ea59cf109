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

bool holds_class_numbers(const Tensor& output) {
  return output.shape().size() == 1 && (output.dtype() == DType::kInt64 || output.dtype() == DType::kInt32);
}

}  // namespace

std::optional<Top1> top1_of(const Tensor& output, std::int64_t rows) {
  Shape shape = output.shape();
  while (shape.size() > 2 && shape.back() == 1) shape.pop_back();
  const bool class_numbers = holds_class_numbers(output);
  const bool scores = shape.size() == 2 && shape[1] >= 2;
  if ((!scores && !class_numbers) || shape[0] != rows) return std::nullopt;
  const Result<std::vector<double>> numbers = to_doubles(output);
  if (!numbers) return std::nullopt;
  Top1 top;
  top.from_scores = scores;
  const std::size_t width = scores ? static_cast<std::size_t>(shape[1]) : 1;
  for (std::size_t at = 0; at < numbers->size(); at += width) {
    const std::span<const double> row(numbers->data() + at, width);
    top.classes.push_back(scores ? first_largest(row) : static_cast<std::int64_t>(row[0]));
  }
  return top;
}

}  // namespace arete::proof
