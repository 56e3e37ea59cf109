#include "proof/report.h"

#include <utility>

namespace arete::proof {
namespace {

Json nullable(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json distribution_to_json(const Distribution& distribution, bool with_samples) {
  Json json = Json::object({{"p50_latency_ms", distribution.p50_ms},
                            {"p99_latency_ms", distribution.p99_ms},
                            {"mean_latency_ms", distribution.mean_ms},
                            {"throughput_per_sec", distribution.throughput_per_sec},
                            {"runs", distribution.runs}});
  if (with_samples) {
    Json samples = Json::array();
    for (const double sample_ms : distribution.samples_ms) samples.push_back(sample_ms);
    json.set("samples_ms", std::move(samples));
  }
  return json;
}

Json accuracy_to_json(const PairedAccuracy& accuracy) {
  return Json::object({{"original", accuracy.original()},
                       {"candidate", accuracy.candidate()},
                       {"delta_points", accuracy.delta_points()},
                       {"delta_points_interval", to_json(accuracy.delta_points_interval())},
                       {"p_value", accuracy.p_value()},
                       {"samples", accuracy.samples()},
                       {"weak", accuracy.is_weak()}});
}

Json output_to_json(const OutputDifference& output) {
  return Json::object({{"name", output.name()},
                       {"exact", output.is_exact()},
                       {"sqnr_db", nullable(output.sqnr_db())},
                       {"max_abs_difference", output.max_abs_difference()},
                       {"equal_fraction", output.equal_fraction()},
                       {"not_finite_in_candidate", output.only_original_finite()},
                       {"not_finite_in_original", output.only_candidate_finite()}});
}

Json facts_to_json(const ModelFacts& facts) {
  return Json::object({{"name", facts.name},
                       {"bytes", facts.bytes},
                       {"load_ms", facts.load_ms},
                       {"resident_growth_bytes", facts.resident_growth_bytes}});
}

Json device_to_json(const Device& device) {
  return Json::object({{"cpu", device.cpu},
                       {"engine", device.engine},
                       {"engine_version", device.engine_version},
                       {"threads", device.threads}});
}

}  // namespace

double size_reduction(const Report& report) {
  if (report.original.bytes == 0) return 0;
  return 1 - static_cast<double>(report.candidate.bytes) / static_cast<double>(report.original.bytes);
}

bool is_too_noisy(const Report& report) { return report.control && is_too_noisy(*report.control); }

Json to_json(const Interval& interval) { return Json(Json::Array{Json(interval.low), Json(interval.high)}); }

Json to_json(const Measured& measured, bool with_samples) {
  return Json::object({{"speedup", measured.speedup},
                       {"speedup_interval", to_json(measured.speedup_interval)},
                       {"pairs", measured.pairs},
                       {"rounds", measured.rounds},
                       {"weak", measured.weak},
                       {"original", distribution_to_json(measured.original, with_samples)},
                       {"candidate", distribution_to_json(measured.candidate, with_samples)}});
}

Json to_json(const Agreement& agreement) {
  Json outputs = Json::array();
  for (const OutputDifference& output : agreement.outputs) {
    outputs.push_back(output_to_json(output));
  }
  return Json::object({{"samples", agreement.samples},
                       {"agreement", nullable(agreement.top1)},
                       {"accuracy", agreement.accuracy ? accuracy_to_json(*agreement.accuracy) : Json()},
                       {"sqnr_db", nullable(agreement.sqnr_db())},
                       {"exact", agreement.is_exact()},
                       {"not_finite", agreement.has_new_non_finite()},
                       {"failure", agreement.failure ? Json(agreement.failure->message) : Json()},
                       {"outputs", std::move(outputs)}});
}

Json to_json(const Report& report) {
  Json agreement = to_json(report.agreement);
  agreement.set("skipped_samples", report.skipped_samples);
  Json latency = to_json(report.latency, false);
  latency.set("slower", is_slower(report.latency, report.control ? wobble(*report.control) : 1.0));
  return Json::object({{"device", device_to_json(report.device)},
                       {"original", facts_to_json(report.original)},
                       {"candidate", facts_to_json(report.candidate)},
                       {"size_reduction", size_reduction(report)},
                       {"latency", std::move(latency)},
                       {"control", report.control ? to_json(*report.control, false) : Json()},
                       {"too_noisy", is_too_noisy(report)},
                       {"agreement", std::move(agreement)}});
}

}  // namespace arete::proof
