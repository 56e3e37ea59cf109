// ServeMetrics: what a server counts, under the names that Prometheus reads.
//
// A new metric is a row in metrics.cpp and a line where it is counted. Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "watch/registry.h"

namespace arete::serve {

// How a request came, as the label "protocol" says.
enum class ProtocolKind : std::uint8_t { kPredict, kV2, kGrpc };
inline constexpr std::size_t kProtocols = 3;
std::string_view name_of(ProtocolKind protocol);

// The metrics of one version of a model, found once. References live as long as ServeMetrics.
struct ModelMetrics {
  watch::Histogram& duration;                        // of answered requests, whole
  watch::Histogram& queue;                           // waiting for a run
  watch::Histogram& compute;                         // of runs
  watch::Histogram& rows;                            // of runs
  std::array<watch::Counter*, kProtocols> answered;  // with 200, by protocol: the rows that are counted most
  watch::Counter& cache_hits;
  watch::Counter& cache_misses;
  watch::Counter& shadow_same;  // as the shadow of another version
  watch::Counter& shadow_different;
};

inline constexpr std::size_t kExchangeCells = 256;

class ServeMetrics {
 public:
  ServeMetrics();

  // Once for each opening of a version, and forget_model() at its end: the numbers of a version go with its last
  // opening.
  ModelMetrics of_model(const std::string& name, const std::string& version);
  void forget_model(const std::string& name, const std::string& version);

  void count_request(std::string_view model, std::string_view version, ProtocolKind protocol, int status);
  // One exchange at the door, whatever it was about. `route` is the row's own text, or empty.
  void count_exchange(std::string_view route, std::string_view method, int status, std::int64_t duration_ns,
                      std::uint64_t bytes_in, std::uint64_t bytes_out);
  void set_models(std::size_t ready, std::uint64_t bytes);
  void count_load(std::string_view outcome);  // "loaded", "swapped", "refused", "unloaded", "evicted"
  void set_build(std::string_view version);

  std::string text() const;
  const watch::Registry& registry() const { return registry_; }

 private:
  // Where the exchanges of one row with one status are counted.
  struct ExchangeCell {
    const char* route = nullptr;
    bool head = false;
    int status = 0;
    watch::Counter& requests;
    watch::Histogram& duration;
  };
  const ExchangeCell& cell_of(std::string_view route, std::string_view method, int status);

  watch::Registry registry_;
  watch::Counter& bytes_in_;
  watch::Counter& bytes_out_;
  // Found without a lock or a search, by the address of the row's text; what does not fit is looked up each time.
  std::array<std::atomic<const ExchangeCell*>, kExchangeCells> cells_{};
  std::mutex mutex_;  // of what follows
  std::deque<ExchangeCell> made_;
  std::map<std::pair<std::string, std::string>, int> openings_;
};

}  // namespace arete::serve
