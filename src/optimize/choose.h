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
inline constexpr double kLeastFloatSqnrDb = 40.0;  // of a float graph that was only rewritten

// Fills chosen, success, slower and verdict of the outcome, and `chosen` and `why` of its variants.
// Variants that already have a `why` were left out before measuring and are passed over.
void choose(Outcome& outcome, const ChoiceRules& rules);

// How far the machine alone moved the ratio of two equal models: the control's distance from 1, as a
// factor of at least 1. What it hides and what it excuses: proof/latency.h.
double wobble(const Outcome& outcome);
bool is_slower(const Variant& variant, const Outcome& outcome);

}  // namespace arete::optimize
