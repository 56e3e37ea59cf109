#include "api/outcome.h"

#include <limits>

namespace arete::api {
namespace {

double number(const Json& row, const char* key) {
  const Json* const value = row.find(key);
  return value != nullptr && value->is_number() ? value->as_double() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

HeldOutcome::HeldOutcome(const Json& report, bool is_success) : arete_outcome{} {
  success = is_success ? 1 : 0;
  verdict = keep(report, "verdict");
  model_path = keep(report, "optimized_model_path");
  original = add(*report.find("original"));
  for (const Json& row : report.find("variants")->as_array()) list_.push_back(add(row));
  variants = list_.data();
  variant_count = list_.size();
  json = texts_.emplace_back(report.dump()).c_str();
}

const arete_variant* HeldOutcome::add(const Json& row) {
  const Json* const chosen = row.find("chosen");
  return &rows_.emplace_back(arete_variant{.name = keep(row, "name"),
                                           .precision = keep(row, "precision"),
                                           .why = keep(row, "why"),
                                           .chosen = chosen != nullptr && chosen->as_bool() ? 1 : 0,
                                           .size_bytes = row.find("bytes")->as_uint64(),
                                           .latency_ms_p50 = number(row, "p50_latency_ms"),
                                           .speedup = number(row, "speedup"),
                                           .accuracy = number(row, "accuracy"),
                                           .accuracy_delta_points = number(row, "accuracy_delta"),
                                           .agreement = number(row, "agreement"),
                                           .sqnr_db = number(row, "sqnr_db")});
}

const char* HeldOutcome::keep(const Json& object, const char* key) {
  const Json* const value = object.find(key);
  return texts_.emplace_back(value != nullptr && value->is_string() ? value->as_string() : "").c_str();
}

}  // namespace arete::api

extern "C" void arete_outcome_free(arete_outcome* outcome) noexcept {
  delete static_cast<arete::api::HeldOutcome*>(outcome);
}
