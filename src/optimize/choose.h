// The choice among measured variants: a pure function of the numbers, so that it can be tested
// without a model. It also words, for each variant, why it was taken or left.
// Threads: pure.
#pragma once

#include "optimize/outcome.h"

namespace arete::optimize {

struct ChoiceRules {
  Precision precision = Precision::kAuto;
  double max_accuracy_drop_points = 1.0;
  bool never_slower = true;
};

// Without labels, disagreement bounds what accuracy can drop; without classes, this many dB stand in.
inline constexpr double kLeastSqnrDb = 20.0;

// Fills chosen, success, slower and verdict of the outcome, and `chosen` and `why` of its variants.
// Variants that already have a `why` were left out before measuring and are passed over.
void choose(Outcome& outcome, const ChoiceRules& rules);

// The interval leaves no doubt that the variant is slower than the original.
bool is_slower(const Variant& variant);

}  // namespace arete::optimize
