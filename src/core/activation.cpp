#include "core/activation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace arete {
namespace {

// exp(x - max) keeps the largest term at 1: no overflow, and no 0/0.
void apply_softmax(std::span<double> row) {
  if (row.empty()) return;
  const double highest = *std::ranges::max_element(row);
  // With infinities, all the weight lies on them.
  for (double& x : row) {
    const bool both_infinite = std::isinf(highest) && x == highest;
    x = both_infinite ? 1.0 : std::exp(x - highest);
  }
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  for (double& x : row) x /= sum;
}

void apply_sigmoid(std::span<double> row) {
  for (double& x : row) {
    const double small = std::exp(-std::abs(x));  // never overflows
    x = x >= 0 ? 1 / (1 + small) : small / (1 + small);
  }
}

}  // namespace

void activate(Activation activation, std::span<double> scores) {
  if (activation == Activation::kSoftmax) apply_softmax(scores);
  if (activation == Activation::kSigmoid) apply_sigmoid(scores);
}

std::optional<double> yes_above(const OutputCard& card) {
  if (card.kind != OutputKind::kClassification || card.activation == Activation::kSoftmax) return std::nullopt;
  return card.activation == Activation::kSigmoid ? 0.0 : 0.5;
}

}  // namespace arete
