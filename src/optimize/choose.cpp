#include "optimize/choose.h"

#include <array>
#include <cstdio>
#include <vector>

namespace arete::optimize {
namespace {

using proof::Comparison;
using proof::VariantReport;

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string times(double ratio) { return fixed(ratio, 2) + "x"; }

// Why a variant's answers are not good enough; empty when they are.
std::string accuracy_objection(const Comparison& c, const ChoiceRules& rules) {
  if (c.not_finite) return "it gives NaN or infinity where the original does not";
  const std::string allowed = fixed(rules.max_accuracy_drop_points, 2) + " points";
  if (c.exact) return "";
  if (c.accuracy_delta) {
    if (c.accuracy_delta->value >= -rules.max_accuracy_drop_points) return "";
    return "it loses " + fixed(-c.accuracy_delta->value, 2) + " points of accuracy, allowed are " + allowed;
  }
  if (c.agreement) {
    const double disagreement = 100.0 * (1.0 - *c.agreement);
    if (disagreement <= rules.max_accuracy_drop_points) return "";
    return "it answers differently on " + fixed(disagreement, 2) + " % of the samples, allowed are " + allowed +
           " (labels by --evaluation would tell whether that costs accuracy)";
  }
  if (!c.sqnr_db || *c.sqnr_db >= kLeastSqnrDb) return c.integer_mismatch > 0.01 ? "its integer outputs differ" : "";
  return "its outputs carry too much noise (SQNR " + fixed(*c.sqnr_db, 1) + " dB, wanted " + fixed(kLeastSqnrDb, 0) + ")";
}

double gain(const VariantReport& variant, const proof::Report& report, Objective objective) {
  if (objective == Objective::kLatency) return variant.latency->speedup.value;
  return static_cast<double>(report.original_bytes) / static_cast<double>(variant.bytes);
}

bool beats(const VariantReport& variant, const proof::Report& report, Objective objective) {
  if (objective == Objective::kBytes) {
    return static_cast<double>(variant.bytes) <= (1.0 - kLeastGain) * static_cast<double>(report.original_bytes);
  }
  return variant.latency->speedup.value >= 1.0 + kLeastGain && variant.latency->speedup.low > 1.0;
}

std::string gain_text(const VariantReport& variant, const proof::Report& report, Objective objective) {
  const double ratio = gain(variant, report, objective);
  if (objective == Objective::kLatency) return ratio >= 1.0 ? times(ratio) + " as fast" : times(ratio) + " the speed";
  return ratio >= 1.0 ? times(ratio) + " smaller" : times(1.0 / ratio) + " larger";
}

// Empty: eligible.
std::string objection(const VariantReport& variant, const proof::Report& report, const ChoiceRules& rules) {
  if (!variant.latency || !variant.comparison) return "it was not measured";
  std::string text = accuracy_objection(*variant.comparison, rules);
  if (!text.empty()) return text;
  if (rules.never_slower && is_slower(variant)) return "it is slower (" + times(variant.latency->speedup.value) + " the speed)";
  // An equal float model is a success when float is what was asked for.
  if (rules.precision == Precision::kFp32 && !is_slower(variant)) return "";
  if (beats(variant, report, rules.objective)) return "";
  return "it does not beat the original by " + fixed(kLeastGain * 100, 0) + " % (" + gain_text(variant, report, rules.objective) + ")";
}

}  // namespace

bool is_slower(const VariantReport& variant) {
  return variant.latency && variant.latency->speedup.value < 1.0 && variant.latency->speedup.high < 1.0;
}

Choice choose(proof::Report& report, const ChoiceRules& rules) {
  Choice choice;
  for (std::size_t i = 0; i < report.variants.size(); ++i) {
    VariantReport& variant = report.variants[i];
    if (!variant.why.empty()) continue;
    variant.why = objection(variant, report, rules);
    if (!variant.why.empty()) continue;
    const bool better = !choice.variant || gain(variant, report, rules.objective) > gain(report.variants[*choice.variant], report, rules.objective);
    if (better) choice.variant = i;
  }
  if (!choice.variant) {
    choice.verdict = "no variant is better: the original is handed back unchanged";
    return choice;
  }
  VariantReport& winner = report.variants[*choice.variant];
  winner.chosen = true;
  choice.success = true;
  choice.slower = is_slower(winner);
  for (VariantReport& variant : report.variants) {
    if (variant.why.empty() && !variant.chosen) variant.why = "'" + winner.name + "' is better by the objective";
  }
  winner.why = "the best by " + std::string(rules.objective == Objective::kLatency ? "latency" : "size") + " (" +
               gain_text(winner, report, rules.objective) + ")" + (choice.slower ? ", but slower than the original" : "");
  choice.verdict = winner.name + ": " + gain_text(winner, report, rules.objective) + (choice.slower ? ", but slower than the original" : "");
  return choice;
}

}  // namespace arete::optimize
