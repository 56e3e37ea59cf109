#include "optimize/choose.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace arete::optimize {
namespace {

using proof::Agreement;

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string times(double ratio) { return fixed(ratio, 2) + "x"; }

// "1.00 allowed" includes what floating point makes 1.0000000000000009 of.
constexpr double kRoundingPoints = 1e-9;

double differing_percent(const proof::OutputDifference& output) { return 100.0 * (1.0 - output.equal_fraction()); }

std::string differs_text(const proof::OutputDifference& output) {
  return "output '" + output.name() + "' differs in " + fixed(differing_percent(output), 2) + " % of its elements";
}

// Why a variant's answers are not good enough; empty when they are.
std::string accuracy_objection(const Variant& variant, const ChoiceRules& rules) {
  const Agreement& agreement = variant.report->agreement;
  if (agreement.failure) return "it fails where the original runs: " + agreement.failure->message;
  if (agreement.has_new_non_finite()) return "it gives NaN or infinity where the original does not";
  if (agreement.is_exact()) return "";
  // Rewriting a float graph costs roundings. More noise is a fault, whatever it does to the answers.
  const std::optional<double> sqnr = agreement.sqnr_db();
  if (variant.precision == "fp32" && sqnr && *sqnr < kLeastFloatSqnrDb) {
    return "it does not compute the same (SQNR " + fixed(*sqnr, 1) + " dB; a rewritten float graph has " +
           fixed(kLeastFloatSqnrDb, 0) + " and more)";
  }
  const double most = rules.max_accuracy_drop_points + kRoundingPoints;
  const std::string allowed = fixed(rules.max_accuracy_drop_points, 2) + " points";
  if (agreement.accuracy) {
    const double delta = agreement.accuracy->delta_points();
    if (-delta <= most) return "";
    return "it loses " + fixed(-delta, 2) + " points of accuracy, allowed are " + allowed;
  }
  if (agreement.top1) {
    const double disagreement = 100.0 * (1.0 - *agreement.top1);
    if (disagreement <= most) return "";
    return "it answers differently on " + fixed(disagreement, 2) + " % of the samples, allowed are " + allowed +
           " (--evaluation with labels would tell whether that costs accuracy)";
  }
  if (sqnr && *sqnr < kLeastSqnrDb) {
    return "its outputs carry too much noise (SQNR " + fixed(*sqnr, 1) + " dB, wanted " + fixed(kLeastSqnrDb, 0) + ")";
  }
  const proof::OutputDifference* const discrete = agreement.worst_discrete();
  if (discrete == nullptr || differing_percent(*discrete) <= most) return "";
  return differs_text(*discrete) + ", allowed are " + allowed;
}

double gain(const Variant& variant, const Outcome& outcome) {
  if (outcome.objective == Objective::kLatency) return variant.report->latency.speedup;
  return static_cast<double>(outcome.original_bytes) / static_cast<double>(variant.bytes);
}

bool beats(const Variant& variant, const Outcome& outcome) {
  if (outcome.objective == Objective::kBytes) {
    return static_cast<double>(variant.bytes) <= (1.0 - kLeastGain) * static_cast<double>(outcome.original_bytes);
  }
  const proof::Measured& latency = variant.report->latency;
  return latency.speedup >= 1.0 + kLeastGain && proof::is_faster(latency, wobble(outcome));
}

std::string gain_text(const Variant& variant, const Outcome& outcome) {
  const double ratio = gain(variant, outcome);
  if (outcome.objective == Objective::kLatency)
    return ratio >= 1.0 ? times(ratio) + " as fast" : times(ratio) + " the speed";
  return ratio >= 1.0 ? times(ratio) + " smaller" : times(1.0 / ratio) + " larger";
}

// Reading alone made the model faster where old exporters listed weights as inputs: that gain is no pass's.
std::string freeze_text(const Outcome& outcome) {
  if (outcome.objective != Objective::kLatency) return "";
  for (const Variant& variant : outcome.variants) {
    if (variant.reference_only && variant.report)
      return "; freezing inputs alone gives " + times(variant.report->latency.speedup);
  }
  return "";
}

// Why there is no quantised variant, where all have one reason ("nothing to quantise").
std::string quantised_reason(const Outcome& outcome) {
  std::string reason;
  for (const Variant& variant : outcome.variants) {
    if (variant.precision == "fp32") continue;
    if (variant.report || (!reason.empty() && reason != variant.why)) return "";
    reason = variant.why;
  }
  return reason.empty() ? "" : " (int8: " + reason + ")";
}

// Empty: eligible.
std::string objection(const Variant& variant, const Outcome& outcome, const ChoiceRules& rules) {
  if (!variant.report) return "it was not measured";
  if (variant.reference_only) return "shown apart: what reading gained, before any pass";
  std::string text = accuracy_objection(variant, rules);
  if (!text.empty()) return text;
  if (rules.never_slower && is_slower(variant, outcome))
    return "it is slower (" + times(variant.report->latency.speedup) + " the speed)";
  // An equal float model is a success when float is what was asked for.
  const bool larger = outcome.objective == Objective::kBytes && variant.bytes > outcome.original_bytes;
  if (rules.precision == Precision::kFp32 && !is_slower(variant, outcome) && !larger) return "";
  if (beats(variant, outcome)) return "";
  if (variant.is_original) return "no pass found anything to change: it is the original's graph";
  if (outcome.objective == Objective::kLatency && gain(variant, outcome) >= 1.0 + kLeastGain) {
    const proof::Interval& interval = variant.report->latency.speedup_interval;
    return "its gain (" + gain_text(variant, outcome) + ", " + times(interval.low) + " to " + times(interval.high) +
           ") is no surer than this machine wavers (" + times(wobble(outcome)) + "); run again when it is quiet";
  }
  return "it does not beat the original by " + fixed(kLeastGain * 100, 0) + " % (" + gain_text(variant, outcome) + ")";
}

}  // namespace

double wobble(const Outcome& outcome) { return outcome.control ? proof::wobble(*outcome.control) : 1.0; }

bool is_slower(const Variant& variant, const Outcome& outcome) {
  return variant.report && proof::is_slower(variant.report->latency, wobble(outcome));
}

void choose(Outcome& outcome, const ChoiceRules& rules) {
  for (std::size_t i = 0; i < outcome.variants.size(); ++i) {
    Variant& variant = outcome.variants[i];
    if (!variant.why.empty()) continue;
    variant.why = objection(variant, outcome, rules);
    if (!variant.why.empty()) continue;
    const bool better = !outcome.chosen || gain(variant, outcome) > gain(outcome.variants[*outcome.chosen], outcome);
    if (better) outcome.chosen = i;
  }
  if (!outcome.chosen) {
    outcome.verdict = "no variant is better: the original is handed back unchanged" + quantised_reason(outcome);
    return;
  }
  Variant& winner = outcome.variants[*outcome.chosen];
  winner.chosen = true;
  outcome.success = true;
  outcome.slower = is_slower(winner, outcome);
  if (const proof::OutputDifference* const discrete = winner.report->agreement.worst_discrete())
    outcome.notes.push_back("of the model handed back the " + differs_text(*discrete));
  for (Variant& variant : outcome.variants) {
    if (variant.why.empty() && !variant.chosen) variant.why = "'" + winner.name + "' is better by the objective";
  }
  const std::string but =
      outcome.slower ? ", but slower than the original (" + times(winner.report->latency.speedup) + " the speed)" : "";
  winner.why = "the best by " + std::string(outcome.objective == Objective::kLatency ? "latency" : "size") + " (" +
               gain_text(winner, outcome) + ")" + but + freeze_text(outcome);
  outcome.verdict = winner.name + ": " + gain_text(winner, outcome) + but + freeze_text(outcome);
}

}  // namespace arete::optimize
