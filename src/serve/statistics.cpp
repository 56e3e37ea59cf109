#include "serve/statistics.h"

#include <algorithm>

namespace arete::serve {
namespace {

constexpr std::size_t kMaxRowSizes = 256;  // that are told apart; batches are smaller

}  // namespace

void ModelStatistics::Duration::add(std::int64_t spent_ns) {
  ++count;
  ns += static_cast<std::uint64_t>(std::max<std::int64_t>(0, spent_ns));
}

Json ModelStatistics::Duration::to_json() const { return Json::object({{"count", count}, {"ns", ns}}); }

void ModelStatistics::add_run(std::int64_t rows, std::int64_t compute_ns) {
  const std::lock_guard lock(mutex_);
  inferences_ += static_cast<std::uint64_t>(rows);
  ++executions_;
  const auto known = runs_by_rows_.find(rows);
  if (known == runs_by_rows_.end() && runs_by_rows_.size() >= kMaxRowSizes) return;
  runs_by_rows_[rows].add(compute_ns);
}

void ModelStatistics::add_success(const RequestTimes& times, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  last_inference_ms_ = now_ms;
  success_.add(times.total_ns);
  if (times.from_cache) return;
  queue_.add(times.queue_ns);
  decode_.add(times.decode_ns);
  compute_.add(times.compute_ns);
  encode_.add(times.encode_ns);
}

void ModelStatistics::add_failure(std::int64_t total_ns) {
  const std::lock_guard lock(mutex_);
  fail_.add(total_ns);
}

void ModelStatistics::add_cache(bool hit, std::int64_t ns) {
  const std::lock_guard lock(mutex_);
  (hit ? hits_ : misses_).add(ns);
}

Json ModelStatistics::to_json(const std::string& name, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  Json batches = Json::array();
  for (const auto& [rows, spent] : runs_by_rows_) {
    // Inputs are joined and answers taken apart within the run, so that both parts are 0.
    batches.push_back(Json::object({{"batch_size", rows},
                                    {"compute_input", Duration{spent.count, 0}.to_json()},
                                    {"compute_infer", spent.to_json()},
                                    {"compute_output", Duration{spent.count, 0}.to_json()}}));
  }
  Json parts = Json::object({{"success", success_.to_json()},
                             {"fail", fail_.to_json()},
                             {"queue", queue_.to_json()},
                             {"compute_input", decode_.to_json()},
                             {"compute_infer", compute_.to_json()},
                             {"compute_output", encode_.to_json()},
                             {"cache_hit", hits_.to_json()},
                             {"cache_miss", misses_.to_json()}});
  return Json::object({{"name", name},
                       {"version", version},
                       {"last_inference", last_inference_ms_},
                       {"inference_count", inferences_},
                       {"execution_count", executions_},
                       {"inference_stats", std::move(parts)},
                       {"batch_stats", std::move(batches)}});
}

}  // namespace arete::serve
