// check_batching: whether a model answers a request in a batch as it answers it alone.
//
// A graph may mix rows (a mean over the batch axis, a scale of dynamic int8 quantisation), and nothing in it says
// so; replicas of one row hide it. So each row stands beside different companions: other samples, the extremes of
// the samples' values, and zeros.
// Not for: whether the answers are right (golden.h).
// Threads: pure but for `run`. Blocks for all the runs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "proof/golden.h"
#include "proof/output_match.h"

namespace arete::proof {

inline constexpr Tolerance kBatchTolerance = {.of_largest = 1e-5, .absolute = 1e-6};

struct BatchVerdict {
  std::int64_t max_rows = 1;  // that may run together
  std::string why;            // a sentence, also where all is well
  double gain = 1;            // time of max_rows runs of one row over that of one run of all
};

struct BatchQuestion {
  std::span<const engine::ValueInfo> inputs;
  std::span<const engine::ValueInfo> outputs;
  std::int64_t max_rows = 1;
  Tolerance tolerance = kBatchTolerance;
  std::function<bool()> cancelled;  // optional; then the verdict is one row
  std::function<std::int64_t()> now_ns;
};

// The largest of the sizes tried (1, 2, 3, max_rows) is allowed when all of them pass, else one row. `samples` are
// one row each; `alone` their outputs.
BatchVerdict check_batching(const BatchQuestion& question, const Golden& golden,
                            std::span<const std::vector<Tensor>> alone, const RunModel& run);

}  // namespace arete::proof
