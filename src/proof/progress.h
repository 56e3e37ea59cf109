// Progress: how a long measurement says how far it is and asks whether it should stop.
//
// Threads: called from the thread that measures. Ownership: copies of the caller's functions.
#pragma once

#include <cstdint>
#include <functional>

#include "core/result.h"

namespace arete::proof {

struct Progress {
  std::function<void(std::int64_t done, std::int64_t total)> report;  // empty: nobody looks
  std::function<bool()> stop_requested;                               // empty: never
};

inline void report(const Progress& progress, std::int64_t done, std::int64_t total) {
  if (progress.report) progress.report(done, total);
}

// kCancelled once somebody asked to stop.
inline Status check_stop(const Progress& progress) {
  if (progress.stop_requested && progress.stop_requested()) {
    return Error{Code::kCancelled, "stopped on request"};
  }
  return {};
}

}  // namespace arete::proof
