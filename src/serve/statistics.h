// ModelStatistics: how often one version of a model answered and where the time went, as the statistics extension of
// the Open Inference Protocol tells it.
//
// Not for: distributions (metrics.h has histograms). Threads: any; one short lock a call.
// Spec: the statistics extension (cache hits are in `success`, not in inference_count).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "core/json.h"

namespace arete::serve {

// The parts of one request, in nanoseconds.
struct RequestTimes {
  std::int64_t total_ns = 0;
  std::int64_t queue_ns = 0;
  std::int64_t decode_ns = 0;   // "compute_input"
  std::int64_t compute_ns = 0;  // "compute_infer", of the run it was part of
  std::int64_t encode_ns = 0;   // "compute_output"
  std::int64_t rows = 1;
  bool from_cache = false;
};

class ModelStatistics {
 public:
  void add_run(std::int64_t rows, std::int64_t compute_ns);
  void add_success(const RequestTimes& times, std::int64_t now_ms);
  void add_failure(std::int64_t total_ns);
  void add_cache(bool hit, std::int64_t ns);

  // One element of "model_stats".
  Json to_json(const std::string& name, const std::string& version) const;

 private:
  struct Duration {
    std::uint64_t count = 0;
    std::uint64_t ns = 0;
    void add(std::int64_t spent_ns);
    Json to_json() const;
  };

  mutable std::mutex mutex_;
  std::int64_t last_inference_ms_ = 0;  // since 1970
  std::uint64_t inferences_ = 0;        // rows
  std::uint64_t executions_ = 0;        // runs
  Duration success_, fail_, queue_, decode_, compute_, encode_, hits_, misses_;
  std::map<std::int64_t, Duration> runs_by_rows_;
};

}  // namespace arete::serve
