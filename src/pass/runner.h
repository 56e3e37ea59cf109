// Runs a list of passes over a model: skip, time, run, verify, and compare where the caller can. A pass that
// fails or leaves a graph that does not verify is undone and reported. Where the comparison of a pass
// fails, the rewrites that are to blame are found by halving and left out, and the rest stands. The model
// handed back is always a good one.
// Threads: pure but for the functions that the caller gives.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/model.h"
#include "pass/pass.h"

namespace arete::pass {

// Rewrites of one pass that may turn out wrong before the whole pass is undone.
inline constexpr std::size_t kMaxDroppedRewrites = 8;

struct RunOptions {
  std::set<std::string, std::less<>> disabled;  // names of passes to skip
  std::function<std::int64_t()> now_ns;         // monotonic; empty: times are 0
  Evaluate evaluate;                            // empty: passes that need one do nothing
  // Called after a pass that changed something; an error says how the outputs differ. Called again for each part
  // of the rewrites that is tried. Of `before`, nothing changes from call to call of one pass.
  std::function<Status(const PassRow& pass, const graph::Model& before, const graph::Model& after)> accept;
};

struct DroppedRewrite {
  std::string node;  // "Conv 'conv1' (node 17)", as numbered before the pass
  std::string why;
};

struct PassReport {
  std::string name;
  bool skipped = false;
  int changes = 0;
  std::int64_t nodes_after = 0;
  std::int64_t time_ns = 0;
  std::string undone_because;           // empty: the pass stands
  std::vector<DroppedRewrite> dropped;  // what was left out, and the rest stands
};

// kNotFound for a name that is no pass.
Result<std::vector<PassReport>> run_passes(graph::Model& model, std::span<const std::string_view> names,
                                           const RunOptions& options = {});

// The same for rows of the caller's own.
std::vector<PassReport> run_rows(graph::Model& model, std::span<const PassRow> rows, const RunOptions& options);

}  // namespace arete::pass
