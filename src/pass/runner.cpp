#include "pass/runner.h"

#include "graph/verifier.h"

namespace arete::pass {
namespace {

Error no_such_pass(std::string_view name) {
  return {Code::kNotFound, "there is no pass '" + std::string(name) + "'; `arete passes` lists them"};
}

// Runs one pass on a copy and takes the copy only when it is good.
void run_one(const PassRow& pass, graph::Model& model, const RunOptions& options, PassReport& report) {
  graph::Model changed = model;
  const Result<int> changes = pass.run(changed);
  if (!changes) {
    report.undone_because = changes.error().message;
    return;
  }
  if (*changes == 0) return;
  Status good = graph::verify(changed);
  if (good && options.accept) good = options.accept(model, changed);
  if (!good) {
    report.undone_because = good.error().message;
    return;
  }
  report.changes = *changes;
  model = std::move(changed);
}

}  // namespace

std::vector<PassReport> run_rows(graph::Model& model, std::span<const PassRow> rows, const RunOptions& options) {
  std::vector<PassReport> reports;
  for (const PassRow& pass : rows) {
    PassReport report;
    report.name = pass.name;
    report.skipped = options.disabled.contains(pass.name);
    const std::int64_t start = options.now_ns ? options.now_ns() : 0;
    if (!report.skipped) run_one(pass, model, options, report);
    report.time_ns = options.now_ns ? options.now_ns() - start : 0;
    report.nodes_after = static_cast<std::int64_t>(model.graph.nodes.size());
    reports.push_back(std::move(report));
  }
  return reports;
}

Result<std::vector<PassReport>> run_passes(graph::Model& model, std::span<const std::string_view> names,
                                           const RunOptions& options) {
  for (const std::string& name : options.disabled) {
    if (find_pass(name) == nullptr) return no_such_pass(name);
  }
  std::vector<PassRow> rows;
  for (const std::string_view name : names) {
    const PassRow* pass = find_pass(name);
    if (pass == nullptr) return no_such_pass(name);
    rows.push_back(*pass);
  }
  return run_rows(model, rows, options);
}

}  // namespace arete::pass
