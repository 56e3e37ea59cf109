// Constants folded by the engine, and passes compared on it: values that really come out of a session.
#include "optimize/pass_engine.h"

#include "engine/onnxruntime/onnxruntime.h"
#include "graph/verifier.h"
#include "pass/preset.h"
#include "pass/runner.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::optimize {
namespace {

using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

class PassEngine : public testing::Test {
 protected:
  PassEngine() {
    auto made = engine::make_onnxruntime({{std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"}});
    EXPECT_TRUE(made.has_value());
    engine_ = std::move(*made);
  }

  std::unique_ptr<engine::Engine> engine_;
};

// Two branches from the input; the constants of one come from arithmetic on weights, and a shape from a chain.
graph::Model network() {
  ModelBuilder b;
  b.input("x", {-1, 4}).output("y", {-1, 2, 2}).weight("a", ramp({4, 4})).weight("c", ramp({4}));
  b.weight("two", Tensor::of<std::int64_t>({1}, {2})).weight("any", Tensor::of<std::int64_t>({1}, {-1}));
  b.node("Transpose", {"a"}, {"t"}).node("MatMul", {"t", "a"}, {"s"}).node("Exp", {"c"}, {"e"});
  b.node("Concat", {"any", "two", "two"}, {"shape"}, {{"axis", std::int64_t{0}}});
  b.node("MatMul", {"x", "s"}, {"m"}).node("Relu", {"m"}, {"r"}).node("Add", {"r", "e"}, {"u"});
  b.node("Reshape", {"u", "shape"}, {"y"});
  return b.build();
}

TEST_F(PassEngine, FoldedConstantsComputeTheSame) {
  graph::Model model = network();
  pass::RunOptions options;
  options.evaluate = make_evaluator(*engine_);
  const std::vector<std::string_view> passes = {"fold_constants", "eliminate_dead_code"};
  Result<PassCheck> check = PassCheck::make(*engine_, model, nullptr);
  ASSERT_OK(check);
  EXPECT_EQ(check->inputs(), 3U);
  const auto reports = pass::run_passes(model, passes, options);
  ASSERT_OK(reports);
  EXPECT_EQ((*reports)[0].undone_because, "");
  EXPECT_EQ((*reports)[0].changes, 4);
  EXPECT_EQ(model.graph.nodes.size(), 4U);
  EXPECT_EQ(model.graph.find_weight("a"), nullptr);
  ASSERT_OK(graph::verify(model));
  // The engine itself computed the constants: not a bit differs.
  ASSERT_OK(check->compare({"folded", "", nullptr, true}, network(), model));
}

TEST_F(PassEngine, AnEngineThatCannotComputeThemUndoesThePass) {
  ModelBuilder b;
  b.input("x", {2}).output("y", {2}).weight("a", ramp({2}));
  b.node("Cast", {"a"}, {"h"}, {{"to", std::int64_t{25}}}).node("Cast", {"h"}, {"f"}, {{"to", std::int64_t{1}}});
  b.node("Add", {"x", "f"}, {"y"});
  graph::Model model = b.build();
  model.opsets[0].version = 25;
  pass::RunOptions options;
  options.evaluate = make_evaluator(*engine_);
  const auto reports = pass::run_passes(model, std::vector<std::string_view>{"fold_constants"}, options);
  ASSERT_OK(reports);
  EXPECT_EQ(model.graph.nodes.size() == 3, !(*reports)[0].undone_because.empty());
}

// Takes every Relu for an Identity, which is right only where nothing is negative.
Result<int> drop_relus(graph::Model& model, const pass::PassContext& context) {
  int changes = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    graph::Node& node = model.graph.nodes[i];
    if (!node.is("Relu") || !context.gate.admit(node, i)) continue;
    node.op_type = "Identity";
    ++changes;
  }
  return changes;
}

TEST_F(PassEngine, TheWrongRewriteIsFoundAndTheRightOnesStay) {
  ModelBuilder b;
  b.input("x", {-1, 4}).output("y", {-1, 4}).node("Abs", {"x"}, {"a"}).node("Relu", {"a"}, {"b"});
  b.node("Neg", {"b"}, {"c"}).node("Relu", {"c"}, {"d"}).node("Exp", {"d"}, {"e"}).node("Relu", {"e"}, {"y"});
  graph::Model model = b.build();
  Result<PassCheck> check = PassCheck::make(*engine_, model, nullptr);
  ASSERT_OK(check);
  pass::RunOptions options;
  options.accept = [&](const pass::PassRow& pass, const graph::Model& before, const graph::Model& after) {
    return check->compare(pass, before, after);
  };
  const std::vector<pass::PassRow> rows = {{"drop_relus", "", drop_relus, true}};
  const std::vector<pass::PassReport> reports = pass::run_rows(model, rows, options);
  EXPECT_EQ(reports[0].changes, 2);
  ASSERT_EQ(reports[0].dropped.size(), 1U);
  EXPECT_EQ(reports[0].dropped[0].node, "Relu (node 3)");
  EXPECT_NE(reports[0].dropped[0].why.find("output 'y' differs: element"), std::string::npos);
}

// A fault that only shows on real inputs: random ones stay below 1.
Result<int> clip_at_one(graph::Model& model, const pass::PassContext& context) {
  if (!model.graph.nodes[0].is("Relu") || !context.gate.admit(model.graph.nodes[0], 0)) return 0;
  model.graph.nodes[0].op_type = "HardSigmoid";
  model.graph.nodes[0].set("alpha", 1.0F);
  model.graph.nodes[0].set("beta", 0.0F);
  return 1;
}

class Samples final : public SampleSource {
 public:
  Result<std::optional<Sample>> next() override {
    if (done_) return std::optional<Sample>();
    done_ = true;
    Sample sample;
    sample.inputs = {{"x", Tensor::of<float>({1, 2}, {0.5F, 7.0F})}};
    return std::optional<Sample>(std::move(sample));
  }
  Status rewind() override {
    done_ = false;
    return {};
  }
  std::size_t size() const override { return 1; }
  bool has_labels() const override { return false; }

 private:
  bool done_ = false;
};

TEST_F(PassEngine, SamplesAreComparedToo) {
  ModelBuilder b;
  b.input("x", {-1, 2}).output("y", {-1, 2}).node("Relu", {"x"}, {"y"});
  const std::vector<pass::PassRow> rows = {{"clip_at_one", "", clip_at_one, true}};
  Samples samples;
  for (SampleSource* source : {static_cast<SampleSource*>(nullptr), static_cast<SampleSource*>(&samples)}) {
    graph::Model model = b.build();
    Result<PassCheck> check = PassCheck::make(*engine_, model, source);
    ASSERT_OK(check);
    pass::RunOptions options;
    options.accept = [&](const pass::PassRow& pass, const graph::Model& before, const graph::Model& after) {
      return check->compare(pass, before, after);
    };
    const std::vector<pass::PassReport> reports = pass::run_rows(model, rows, options);
    EXPECT_EQ(reports[0].dropped.size(), source == nullptr ? 0U : 1U);
  }
}

TEST_F(PassEngine, AModelThatRunsOnNothingAtHandSaysSo) {
  ModelBuilder b;
  b.input("x", {-1}).output("y", {}).weight("w", ramp({3})).node("MatMul", {"x", "w"}, {"y"});
  EXPECT_ERROR(PassCheck::make(*engine_, b.build(), nullptr), Code::kInvalid, "give real ones with --calibration");
}

}  // namespace
}  // namespace arete::optimize
