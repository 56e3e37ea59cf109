// Runs a list of passes over a model: skip, time, run, verify. A pass that fails or leaves a graph
// that does not verify is undone and reported; the model handed back is always a good one.
// Threads: pure but for the clock function.
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

struct RunOptions {
  std::set<std::string, std::less<>> disabled;  // names of passes to skip
  std::function<std::int64_t()> now_ns;         // monotonic; empty: times are 0
  // Called after a pass that changed something; an error undoes the pass (a comparison of outputs).
  std::function<Status(const graph::Model& before, const graph::Model& after)> accept;
};

struct PassReport {
  std::string name;
  bool skipped = false;
  int changes = 0;
  std::int64_t nodes_after = 0;
  std::int64_t time_ns = 0;
  std::string undone_because;  // empty: the pass stands
};

// kNotFound for a name that is no pass.
Result<std::vector<PassReport>> run_passes(graph::Model& model, std::span<const std::string_view> names,
                                           const RunOptions& options = {});

// The same for rows of the caller's own.
std::vector<PassReport> run_rows(graph::Model& model, std::span<const PassRow> rows, const RunOptions& options);

}  // namespace arete::pass
