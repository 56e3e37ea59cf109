#include "optimize/outcome.h"

namespace arete::optimize {
namespace {

Json nullable(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

// The measured numbers that the contract wants at the top of a row; null where there are none.
void set_measurements(Json& row, const std::optional<proof::Report>& report) {
  const proof::Agreement* agreement = report ? &report->agreement : nullptr;
  const bool labelled = agreement != nullptr && agreement->accuracy.has_value();
  row.set("speedup", report ? Json(report->latency.speedup) : Json());
  row.set("speedup_interval", report ? to_json(report->latency.speedup_interval) : Json());
  row.set("accuracy_delta", labelled ? Json(agreement->accuracy->delta_points()) : Json());
  row.set("accuracy_delta_interval", labelled ? to_json(agreement->accuracy->delta_points_interval()) : Json());
  row.set("agreement", agreement != nullptr ? nullable(agreement->top1) : Json());
  row.set("sqnr_db", agreement != nullptr ? nullable(agreement->sqnr_db()) : Json());
  const proof::OutputDifference* discrete = agreement != nullptr ? agreement->worst_discrete() : nullptr;
  row.set("equal_elements", discrete != nullptr ? Json(discrete->equal_fraction()) : Json());
  row.set("exact", agreement != nullptr ? Json(agreement->is_exact()) : Json());
}

Json samples_json(const proof::Distribution& distribution) {
  Json list = Json::array();
  for (const double sample : distribution.samples_ms) list.push_back(sample);
  return list;
}

Json variant_json(const Variant& variant, bool with_samples) {
  const auto& report = variant.report;
  const bool labelled = report && report->agreement.accuracy;
  Json row = Json::object({{"name", variant.name},
                           {"precision", variant.precision},
                           {"bytes", variant.bytes},
                           {"weight_bytes", variant.weight_bytes},
                           {"scale_bytes", variant.scale_bytes},
                           {"p50_latency_ms", report ? Json(report->latency.candidate.p50_ms) : Json()},
                           {"p99_latency_ms", report ? Json(report->latency.candidate.p99_ms) : Json()},
                           {"accuracy", labelled ? Json(report->agreement.accuracy->candidate()) : Json()},
                           {"pairs", report ? Json(report->latency.pairs) : Json()},
                           {"chosen", variant.chosen},
                           {"why", variant.why}});
  set_measurements(row, report);
  if (with_samples && report) row.set("samples_ms", samples_json(report->latency.candidate));
  return row;
}

// The original's numbers come from the pair with the row that is handed back, else from the first.
const Variant* measured_with(const Outcome& outcome) {
  if (outcome.chosen) return &outcome.variants[*outcome.chosen];
  for (const Variant& variant : outcome.variants) {
    if (variant.report) return &variant;
  }
  return nullptr;
}

// Its latency where no variant was measured: from the control.
const proof::Distribution* original_latency(const Outcome& outcome, const Variant* beside) {
  if (beside != nullptr) return &beside->report->latency.original;
  return outcome.control ? &outcome.control->original : nullptr;
}

Json original_json(const Outcome& outcome, bool with_samples) {
  const Variant* beside = measured_with(outcome);
  const proof::Distribution* latency = original_latency(outcome, beside);
  const bool labelled = beside != nullptr && beside->report->agreement.accuracy;
  Json row = Json::object({{"name", "original"},
                           {"precision", outcome.original_precision},
                           {"bytes", outcome.original_bytes},
                           {"weight_bytes", outcome.original_weight_bytes},
                           {"scale_bytes", 0},
                           {"p50_latency_ms", latency != nullptr ? Json(latency->p50_ms) : Json()},
                           {"p99_latency_ms", latency != nullptr ? Json(latency->p99_ms) : Json()},
                           {"accuracy", labelled ? Json(beside->report->agreement.accuracy->original()) : Json()}});
  if (with_samples && latency != nullptr) row.set("samples_ms", samples_json(*latency));
  return row;
}

Json strings_json(const std::vector<std::string>& strings) {
  Json list = Json::array();
  for (const std::string& text : strings) list.push_back(text);
  return list;
}

Json dropped_json(const std::vector<pass::DroppedRewrite>& rewrites) {
  Json list = Json::array();
  for (const pass::DroppedRewrite& rewrite : rewrites)
    list.push_back(Json::object({{"node", rewrite.node}, {"why", rewrite.why}}));
  return list;
}

Json passes_json(const std::vector<pass::PassReport>& passes) {
  Json list = Json::array();
  for (const pass::PassReport& pass : passes) {
    list.push_back(
        Json::object({{"name", pass.name},
                      {"skipped", pass.skipped},
                      {"changes", pass.changes},
                      {"time_ms", static_cast<double>(pass.time_ns) / 1e6},
                      {"dropped", dropped_json(pass.dropped)},
                      {"undone_because", pass.undone_because.empty() ? Json() : Json(pass.undone_because)}}));
  }
  return list;
}

void set_handed_back(Json& json, const Outcome& outcome) {
  if (outcome.chosen) {
    set_measurements(json, outcome.variants[*outcome.chosen].report);
    return;
  }
  // The original beside itself: nothing was lost and nothing gained.
  set_measurements(json, std::nullopt);
  json.set("speedup", 1.0).set("exact", true);
  const Variant* beside = measured_with(outcome);
  if (beside != nullptr && beside->report->agreement.accuracy) json.set("accuracy_delta", 0.0);
  if (beside != nullptr && beside->report->agreement.top1) json.set("agreement", 1.0);
}

}  // namespace

Json to_json(const Outcome& outcome, bool with_samples) {
  const std::uint64_t bytes = outcome.chosen ? outcome.variants[*outcome.chosen].bytes : outcome.original_bytes;
  Json json = Json::object(
      {{"optimized_model_path", outcome.optimized_model_path},
       {"model", outcome.model_name},
       {"verdict", outcome.verdict},
       {"steps_completed", strings_json(outcome.steps_completed)},
       {"size_reduction", 1.0 - static_cast<double>(bytes) / static_cast<double>(outcome.original_bytes)}});
  set_handed_back(json, outcome);
  json.set("slower", outcome.slower).set("target", outcome.target).set("level", outcome.level);
  json.set("objective", outcome.objective == Objective::kLatency ? "latency" : "bytes");
  json.set("max_accuracy_drop", outcome.max_accuracy_drop_points);
  Json variants = Json::array();
  for (const Variant& variant : outcome.variants) variants.push_back(variant_json(variant, with_samples));
  Json original = original_json(outcome, with_samples);
  json.set("optimized", outcome.chosen ? variants.as_array()[*outcome.chosen] : original);
  json.set("original", std::move(original)).set("variants", std::move(variants));
  const Variant* beside = measured_with(outcome);
  json.set("threads", outcome.device.threads)
      .set("engine", outcome.device.engine + " " + outcome.device.engine_version)
      .set("machine", outcome.device.cpu);
  json.set("control", outcome.control ? to_json(*outcome.control, false) : Json());
  json.set("evidence", outcome.evidence).set("weak_evidence", outcome.weak_evidence);
  json.set("samples", beside != nullptr ? Json(beside->report->agreement.samples) : Json());
  json.set("calibration_samples", static_cast<std::uint64_t>(outcome.calibration_samples));
  json.set("frozen_inputs", strings_json(outcome.frozen_inputs)).set("passes", passes_json(outcome.passes));
  json.set("passes_compared_on", static_cast<std::int64_t>(outcome.passes_compared_on));
  json.set("notes", strings_json(outcome.notes));
  return json;
}

}  // namespace arete::optimize
