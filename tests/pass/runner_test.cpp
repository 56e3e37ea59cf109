// The runner's search for the rewrites that are to blame, with passes and comparisons made up for it.
#include "pass/runner.h"

#include <set>

#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::pass {
namespace {

using test::ModelBuilder;

// A chain of `count` nodes named n0, n1, ...
graph::Model chain(int count) {
  ModelBuilder b;
  b.input("x0", {2});
  for (int i = 0; i < count; ++i) b.node("Relu", {"x" + std::to_string(i)}, {"x" + std::to_string(i + 1)});
  graph::Model model = b.output("x" + std::to_string(count), {2}).build();
  for (int i = 0; i < count; ++i) model.graph.nodes[static_cast<std::size_t>(i)].name = "n" + std::to_string(i);
  return model;
}

// Makes each Relu an Abs.
Result<int> rename_relus(graph::Model& model, const PassContext& context) {
  int changes = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    graph::Node& node = model.graph.nodes[i];
    if (!node.is("Relu") || !context.gate.admit(node, i)) continue;
    node.op_type = "Abs";
    ++changes;
  }
  return changes;
}

// The same, but asks nobody.
Result<int> rename_unasked(graph::Model& model, const PassContext&) {
  RewriteGate everything;
  return rename_relus(model, {everything, {}});
}

// Refuses a model in which one of these was rewritten.
RunOptions refusing(const std::set<std::string>& wrong, int* comparisons = nullptr) {
  RunOptions options;
  options.accept = [wrong, comparisons](const PassRow&, const graph::Model&, const graph::Model& after) -> Status {
    if (comparisons != nullptr) ++*comparisons;
    for (const graph::Node& node : after.graph.nodes) {
      if (node.is("Abs") && wrong.contains(node.name)) return Error{Code::kInvalid, "differs at " + node.name};
    }
    return {};
  };
  return options;
}

std::vector<PassReport> run(graph::Model& model, const RunOptions& options, PassFunction function = rename_relus) {
  const std::vector<PassRow> rows = {{"rename_relus", "", function, true}};
  return run_rows(model, rows, options);
}

TEST(Bisection, NamesEachGuiltyNodeAndKeepsTheRest) {
  graph::Model model = chain(100);
  int comparisons = 0;
  const std::vector<PassReport> reports = run(model, refusing({"n0", "n41", "n99"}, &comparisons));
  EXPECT_EQ(reports[0].undone_because, "");
  EXPECT_EQ(reports[0].changes, 97);
  ASSERT_EQ(reports[0].dropped.size(), 3U);
  EXPECT_EQ(reports[0].dropped[0].node, "Relu 'n0' (node 0)");
  EXPECT_EQ(reports[0].dropped[0].why, "differs at n0");
  EXPECT_EQ(reports[0].dropped[1].node, "Relu 'n41' (node 41)");
  EXPECT_EQ(reports[0].dropped[2].node, "Relu 'n99' (node 99)");
  for (const graph::Node& node : model.graph.nodes)
    EXPECT_EQ(node.op_type, node.name == "n0" || node.name == "n41" || node.name == "n99" ? "Relu" : "Abs");
  EXPECT_LT(comparisons, 40);
}

TEST(Bisection, AnOnlyRewriteThatIsWrongLeavesNothing) {
  graph::Model model = chain(1);
  const std::vector<PassReport> reports = run(model, refusing({"n0"}));
  EXPECT_EQ(reports[0].undone_because, "");
  EXPECT_EQ(reports[0].changes, 0);
  ASSERT_EQ(reports[0].dropped.size(), 1U);
  EXPECT_EQ(model.graph.nodes[0].op_type, "Relu");
}

TEST(Bisection, TooManyUndoThePass) {
  std::set<std::string> wrong;
  for (std::size_t i = 0; i <= kMaxDroppedRewrites; ++i) wrong.insert("n" + std::to_string(i));
  graph::Model model = chain(20);
  const std::vector<PassReport> reports = run(model, refusing(wrong));
  EXPECT_NE(reports[0].undone_because, "");
  EXPECT_EQ(reports[0].changes, 0);
  for (const graph::Node& node : model.graph.nodes) EXPECT_EQ(node.op_type, "Relu");
}

TEST(Bisection, APassThatAsksNobodyIsUndoneWhole) {
  graph::Model model = chain(4);
  const std::vector<PassReport> reports = run(model, refusing({"n2"}), rename_unasked);
  EXPECT_EQ(reports[0].undone_because, "differs at n2");
  EXPECT_TRUE(reports[0].dropped.empty());
}

}  // namespace
}  // namespace arete::pass
