#include "pass/runner.h"

#include <optional>
#include <utility>

#include "graph/verifier.h"

namespace arete::pass {
namespace {

Error no_such_pass(std::string_view name) {
  return {Code::kNotFound, "there is no pass '" + std::string(name) + "'; `arete passes` lists them"};
}

// One pass on one model: tries it, or a part of its rewrites, on copies.
class PassRun {
 public:
  // `spare`: a copy of `before` that is at hand, or nothing; afterwards the same of the model that stands then. Copying
  // a large graph costs more than most passes, and most passes find nothing to change.
  PassRun(const PassRow& pass, const graph::Model& before, std::optional<graph::Model>& spare,
          const RunOptions& options)
      : pass_(pass), before_(before), spare_(spare), options_(options) {}

  // The model that stands afterwards; nothing where the pass changed none or was undone.
  std::optional<graph::Model> run(PassReport& report) {
    while (true) {
      Result<Trial> trial = attempt(SIZE_MAX);
      if (!trial) return undone(report, trial.error().message);
      const Status same = trial->changes == 0 ? Status() : accept(trial->model);
      if (same) {
        report.changes = trial->changes;
        report.dropped = std::move(dropped_);
        if (trial->changes > 0) return std::move(trial->model);
        spare_ = std::move(trial->model);
        return std::nullopt;
      }
      if (trial->asked == 0 || dropped_.size() == kMaxDroppedRewrites || !drop_guilty(trial->asked))
        return undone(report, same.error().message);
    }
  }

 private:
  struct Trial {
    graph::Model model;
    int changes = 0;
    std::size_t asked = 0;
    std::string last;  // the rewrite before the limit
  };

  // The first `limit` rewrites without those that were found guilty. A pass that changes nothing leaves the model as it
  // is (golden_test.cpp), so that the copy is good for the next pass.
  Result<Trial> attempt(std::size_t limit) const {
    Trial trial{spare_ ? *std::exchange(spare_, std::nullopt) : before_, 0, 0, ""};
    RewriteGate gate(limit, denied_);
    ASSIGN_OR_RETURN(trial.changes, pass_.run(trial.model, {gate, options_.evaluate}));
    trial.asked = gate.asked();
    trial.last = gate.last();
    if (trial.changes > 0) RETURN_IF_ERROR(graph::verify(trial.model));
    return trial;
  }

  Status accept(const graph::Model& after) const {
    return options_.accept ? options_.accept(pass_, before_, after) : Status();
  }

  // Without rewrites the outputs fit, with all they do not: halves the range until one rewrite is between. False
  // where a part of the rewrites cannot be tried.
  bool drop_guilty(std::size_t asked) {
    std::size_t good = 0;
    std::size_t bad = asked;
    DroppedRewrite guilty;
    while (bad - good > 1 || guilty.node.empty()) {
      const std::size_t middle = bad - good > 1 ? good + (bad - good) / 2 : bad;
      const Result<Trial> trial = attempt(middle);
      if (!trial) return false;
      const Status same = trial->changes == 0 ? Status() : accept(trial->model);
      if (same && middle == bad) return false;  // it fails only together with others
      (same ? good : bad) = middle;
      if (!same) guilty = {trial->last, same.error().message};
    }
    denied_.insert(bad - 1);
    dropped_.push_back(std::move(guilty));
    return true;
  }

  static std::optional<graph::Model> undone(PassReport& report, const std::string& why) {
    report.undone_because = why;
    return std::nullopt;
  }

  const PassRow& pass_;
  const graph::Model& before_;
  std::optional<graph::Model>& spare_;
  const RunOptions& options_;
  std::set<std::size_t> denied_;  // turns at the gate
  std::vector<DroppedRewrite> dropped_;
};

}  // namespace

std::vector<PassReport> run_rows(graph::Model& model, std::span<const PassRow> rows, const RunOptions& options) {
  std::vector<PassReport> reports;
  std::optional<graph::Model> spare;
  for (const PassRow& pass : rows) {
    PassReport report;
    report.name = pass.name;
    report.skipped = options.disabled.contains(pass.name);
    const std::int64_t start = options.now_ns ? options.now_ns() : 0;
    if (!report.skipped) {
      std::optional<graph::Model> after = PassRun(pass, model, spare, options).run(report);
      if (after) model = std::move(*after);
    }
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
