// The choice among measured variants: a pure function of the numbers, so that it can be tested
// without a model. It also words, for each variant, why it was taken or left.
// Threads: pure.
#pragma once

#include <optional>
#include <string>

#include "optimize/target.h"
#include "proof/report.h"

namespace arete::optimize {

struct ChoiceRules {
  Objective objective = Objective::kLatency;
  Precision precision = Precision::kAuto;
  double max_accuracy_drop_points = 1.0;
  bool never_slower = true;
};

// Without labels, disagreement bounds what accuracy can drop; without classes, this many dB stand in.
inline constexpr double kLeastSqnrDb = 20.0;

struct Choice {
  std::optional<std::size_t> variant;  // index into report.variants; nothing: the original stays
  bool slower = false;                 // the chosen variant is slower than the original
  bool success = false;                // exit status 0
  std::string verdict;                 // one sentence
};

// Fills `chosen` and `why` of report.variants. Variants that already have a `why` were left out
// before measuring and are passed over.
Choice choose(proof::Report& report, const ChoiceRules& rules);

// Slower beyond what chance explains.
bool is_slower(const proof::VariantReport& variant);

}  // namespace arete::optimize
