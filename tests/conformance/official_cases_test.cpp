// The official cases of the onnx wheel: what is loaded, rewritten, saved and run gives the same as what was not.
// cases.txt says of each case what becomes of it, and is checked against the truth both ways.
#include <cstdlib>
#include <iostream>

#include "graph/onnx_io.h"
#include "tests/conformance/cases.h"
#include "tests/conformance/trial.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"

namespace arete::conformance {
namespace {

constexpr std::size_t kParts = 4;  // of the cases: tests that run beside each other

using Tally = std::map<std::string, int>;

void print(const std::string& title, const Tally& tally) {
  std::cout << "conformance, " << title << ":\n";
  for (const auto& [what, count] : tally) std::cout << "  " << count << " " << what << "\n";
}

std::string verdict_of(const CaseRow& row, const std::string& judged) {
  return judged + (row.how.empty() ? "" : " (" + row.how + ")");
}

// "engine cannot: ..." -> "engine cannot"; "run (stamped ...)" -> "run".
std::string kind_of(const std::string& verdict) {
  return verdict.starts_with("run") ? "run" : verdict.substr(0, verdict.find(':'));
}

bool is_too_old(const Error& error) {
  return error.code == Code::kUnsupported && error.message.find("is older than 7") != std::string::npos;
}

// The official model itself, also where it is not the form that runs.
void check_round_trip(const Case& made, Tally& tally) {
  const Result<graph::ReadModel> official = read_and_verify(made.official);
  if (!official && is_too_old(official.error())) {
    ++tally["not read: older than opset 7 (by design)"];
    return;
  }
  ASSERT_OK(official);
  ++tally["read, written and read again"];
  EXPECT_EQ(round_trip_fault(official->model), "");
}

void count_expected(const Case& made, const Outputs& outputs, Tally& tally, const std::string& name) {
  if (made.expected.size() != outputs.size()) return;
  const std::string words = difference(made.expected, outputs, Likeness::kClose);
  ++tally[words.empty() ? "expected outputs met by the engine" : "expected outputs missed by the engine itself"];
  if (!words.empty()) std::cout << "missed by the engine itself: " << name << ", " << words << "\n";
}

// The fusing passes find nothing to do in the official cases: those with a convolution are tried once more with one.
void check_fused(engine::Engine& engine, const graph::Model& model, const Case& made, Tally& tally) {
  const std::optional<graph::Model> fusable = make_fusable(model, made.inputs);
  if (!fusable) return;
  SCOPED_TRACE("with a BatchNormalization and an Add");
  const Result<graph::WrittenModel> written = graph::write_onnx(*fusable);
  ASSERT_OK(written);
  Trial trial(engine, share_bytes(std::string(written->bytes)), made.inputs);
  EXPECT_EQ(trial.judge(graph::ReadModel{*fusable, {}, {}}), "run");
  for (const RewriteRow& rewrite : all_rewrites()) {
    EXPECT_EQ(trial.check(rewrite, *fusable), "");
    const Result<graph::Model> rewritten = trial.rewrite(rewrite, *fusable);
    ASSERT_OK(rewritten);
    const std::size_t left = rewrite.name == "aggressive" ? 1 : rewrite.name == "balanced" ? 2 : 0;
    if (left > 0) {
      EXPECT_EQ(rewritten->graph.nodes.size(), left);
    }
  }
  ++tally["convolutions fused, run alike"];
}

void check_case(engine::Engine& engine, const std::string& folder, const CaseRow& row, const std::string& listed,
                Tally& tally) {
  SCOPED_TRACE(row.name);
  const Result<Case> made = read_case(folder, row);
  ASSERT_OK(made);
  ++tally["cases"];
  check_round_trip(*made, tally);
  const Result<graph::ReadModel> read = read_and_verify(made->runnable);
  Trial trial(engine, made->runnable, made->inputs);
  EXPECT_EQ(verdict_of(row, trial.judge(read)), listed);
  ++tally["case is: " + kind_of(listed)];
  if (!read || trial.outputs().empty()) return;
  if (kind_of(listed) == "not numeric") ++tally["strings, run all the same"];
  if (!row.how.starts_with("stamped")) count_expected(*made, trial.outputs(), tally, row.name);
  for (const RewriteRow& rewrite : all_rewrites()) EXPECT_EQ(trial.check(rewrite, read->model), "");
  EXPECT_EQ(trial.check_saved_as_users_run_it(*read), "");
  check_fused(engine, read->model, *made, tally);
  for (const auto& [what, count] : trial.tally()) tally[what] += count;
}

bool is_light(const CaseRow& row) { return row.name.starts_with("light/"); }

template <class Wanted>
void check_cases(const std::string& title, const Wanted& wanted) {
  const std::string folder = cases_folder();
  SKIP_WITHOUT_MODELS(folder);
  const auto rows = read_index(folder);
  ASSERT_OK(rows);
  const CaseList list = read_list();
  const auto engine = make_engine();
  Tally tally;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const CaseRow& row = (*rows)[i];
    if (!wanted(i, row)) continue;
    const auto listed = list.find(row.name);
    check_case(*engine, folder, row, listed == list.end() ? "not in cases.txt" : listed->second, tally);
  }
  print(title, tally);
}

CaseList judge_all(const std::string& folder, const std::vector<CaseRow>& rows) {
  const auto engine = make_engine();
  CaseList list;
  for (const CaseRow& row : rows) {
    SCOPED_TRACE(row.name);
    const Result<Case> made = read_case(folder, row);
    EXPECT_TRUE(made.has_value()) << to_string(made.error());
    if (!made) continue;
    const Result<graph::ReadModel> read = read_and_verify(made->runnable);
    list[row.name] = verdict_of(row, Trial(*engine, made->runnable, made->inputs).judge(read));
  }
  return list;
}

TEST(OfficialCases, ListHasEachOnce) {
  const std::string folder = cases_folder();
  SKIP_WITHOUT_MODELS(folder);
  const auto rows = read_index(folder);
  ASSERT_OK(rows);
  if (std::getenv("ARETE_UPDATE_GOLDEN") != nullptr) write_list(judge_all(folder, *rows));
  CaseList list = read_list();
  std::map<std::string, Tally> groups;  // group -> verdict -> how many
  for (const CaseRow& row : *rows) {
    const std::string group = row.name.substr(0, row.name.find('/'));
    const auto listed = list.find(row.name);
    EXPECT_NE(listed, list.end()) << row.name << " is not in cases.txt";
    if (listed == list.end()) continue;
    ++groups[group][kind_of(listed->second)];
    list.erase(listed);
  }
  for (const auto& [name, verdict] : list) ADD_FAILURE() << name << " is in cases.txt, but not among the cases";
  for (auto& [group, tally] : groups) {
    int all = 0;
    for (const auto& [what, count] : tally) all += count;
    std::cout << "conformance: " << tally["run"] << " of " << all << " " << group << " cases run; "
              << tally["not numeric"] << " not numeric, " << tally["engine cannot"] << " the engine cannot\n";
  }
}

class SmallCasesPart : public testing::TestWithParam<std::size_t> {};

TEST_P(SmallCasesPart, RunAlike) {
  check_cases("part " + std::to_string(GetParam() + 1) + " of " + std::to_string(kParts),
              [](std::size_t i, const CaseRow& row) { return !is_light(row) && i % kParts == GetParam(); });
}

INSTANTIATE_TEST_SUITE_P(OfficialCases, SmallCasesPart, testing::Range<std::size_t>(0, kParts));

class LightModelsPart : public testing::TestWithParam<std::size_t> {};

TEST_P(LightModelsPart, RunAlike) {
  check_cases("light models", [](std::size_t i, const CaseRow& row) { return is_light(row) && i % 2 == GetParam(); });
}

INSTANTIATE_TEST_SUITE_P(OfficialCases, LightModelsPart, testing::Range<std::size_t>(0, 2));

}  // namespace
}  // namespace arete::conformance
