// ServeMetrics: what a server counts, under the names that Prometheus reads.
//
// A new metric is a row in metrics.cpp and a line where it is counted. Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "watch/registry.h"

namespace arete::serve {

// The metrics of one version of a model, found once. References live as long as ServeMetrics.
struct ModelMetrics {
  watch::Histogram& duration;  // of answered requests, whole
  watch::Histogram& queue;     // waiting for a run
  watch::Histogram& compute;   // of runs
  watch::Histogram& rows;      // of runs
  watch::Counter& cache_hits;
  watch::Counter& cache_misses;
  watch::Counter& shadow_same;  // as the shadow of another version
  watch::Counter& shadow_different;
};

class ServeMetrics {
 public:
  ServeMetrics();

  ModelMetrics of_model(std::string_view name, std::string_view version);
  // Before the last request of a version is over its numbers may be asked for again.
  void forget_model(std::string_view name, std::string_view version);

  void count_request(std::string_view model, std::string_view version, std::string_view protocol, int status);
  // One exchange at the door, whatever it was about.
  void count_exchange(std::string_view route, std::string_view method, int status, std::int64_t duration_ns,
                      std::uint64_t bytes_in, std::uint64_t bytes_out);
  void set_models(std::size_t ready, std::uint64_t bytes);
  void count_load(std::string_view outcome);  // "loaded", "swapped", "refused", "unloaded", "evicted"
  void set_build(std::string_view version);

  std::string text() const;
  const watch::Registry& registry() const { return registry_; }

 private:
  watch::Registry registry_;
};

}  // namespace arete::serve
