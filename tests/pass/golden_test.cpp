// Golden text graphs before and after each pass and preset: tests/pass/golden/NAME.txt holds both.
// ARETE_UPDATE_GOLDEN=1 writes them anew; read the difference before you commit it.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "graph/text.h"
#include "graph/verifier.h"
#include "pass/pass.h"
#include "pass/preset.h"
#include "pass/quantize.h"
#include "pass/runner.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::pass {
namespace {

using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

void expect_golden(const std::string& name, const graph::Model& before, const graph::Model& after) {
  const std::string path = test::source_path("tests/pass/golden/" + name + ".txt");
  const std::string text = "--- before\n" + graph::to_text(before) + "--- after\n" + graph::to_text(after);
  if (std::getenv("ARETE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), text) << "differs from " << path;
}

// A pass must find `changes` places, leave a graph that verifies, and find nothing the second time; then it leaves the
// graph as it is, on which the runner relies.
void check_pass(const std::string& pass, const std::string& golden, graph::Model model, int changes,
                const Evaluate& evaluate = {}) {
  ASSERT_OK(graph::verify(model));
  const graph::Model before = model;
  RewriteGate gate;
  const Result<int> first = find_pass(pass)->run(model, {gate, evaluate});
  ASSERT_OK(first);
  EXPECT_EQ(*first, changes);
  ASSERT_OK(graph::verify(model));
  expect_golden(golden, before, model);
  const std::string text = graph::to_text(model);
  EXPECT_EQ(*find_pass(pass)->run(model, {gate, evaluate}), 0) << "not idempotent";
  EXPECT_EQ(graph::to_text(model), text);
  // What finds a place but may not rewrite it leaves all as it was, too.
  graph::Model untouched = before;
  RewriteGate closed(0, {});
  const Result<int> none = find_pass(pass)->run(untouched, {closed, evaluate});
  ASSERT_OK(none);
  EXPECT_TRUE(*none > 0 || graph::to_text(untouched) == graph::to_text(before));
}

ModelBuilder conv_model() {
  ModelBuilder b;
  b.input("x", {-1, 2, 4, 4}).weight("w", ramp({3, 2, 1, 1})).output("y", {-1, 3, 4, 4});
  return b;
}

ModelBuilder& add_bn(ModelBuilder& b) {
  return b.weight("scale", Tensor::of<float>({3}, {1.0F, 0.5F, 2.0F}))
      .weight("shift", Tensor::of<float>({3}, {0.0F, 1.0F, -1.0F}))
      .weight("mean", Tensor::of<float>({3}, {0.25F, 0.0F, -0.5F}))
      .weight("var", Tensor::of<float>({3}, {1.0F, 4.0F, 0.25F}));
}

// Stands for an engine: a ramp of the shape that each output says.
Result<std::vector<Tensor>> ramps(const graph::Model& constant) {
  EXPECT_TRUE(constant.graph.inputs.empty());
  EXPECT_TRUE(graph::verify(constant).has_value());
  std::vector<Tensor> values;
  for (const graph::Value& output : constant.graph.outputs) values.push_back(ramp(output.type.shape()));
  return values;
}

TEST(FoldConstants, AWholePartOfTheGraphAtOnce) {
  ModelBuilder b;
  b.input("x", {-1, 2, 3}).output("y", {-1, 2, 3}).output("fixed", {2}).weight("a", ramp({2, 3}));
  b.node("Constant", {}, {"k"}, {{"value", Tensor::of<float>({3}, {1, 2, 3})}});
  b.node("Neg", {"a"}, {"n"})
      .node("Add", {"n", "k"}, {"s"})
      .node("Mul", {"x", "s"}, {"m"})
      .node("Sub", {"m", "k"}, {"y"});
  b.node("ReduceSum", {"a"}, {"fixed"}, {{"keepdims", std::int64_t{0}}});
  b.node("RandomNormal", {}, {"random"}, {{"shape", Ints{2}}}).node("Neg", {"random"}, {"unread"});
  check_pass("fold_constants", "fold_constants", b.build(), 3, ramps);
}

TEST(FoldConstants, NothingWithoutAnEvaluator) {
  ModelBuilder b;
  b.input("x", {2}).weight("a", ramp({2})).node("Neg", {"a"}, {"n"}).node("Add", {"x", "n"}, {"y"}).output("y", {2});
  graph::Model model = b.build();
  RewriteGate gate;
  EXPECT_EQ(*fold_constants(model, {gate, {}}), 0);
}

// What quantises keeps its pattern, what is large stays described by what is small.
TEST(FoldConstants, NotWhereTheModelWouldGrowOrLoseItsIntegers) {
  ModelBuilder b;
  b.input("x", {64, 64}).output("y", {64, 64}).weight("q", *Tensor::zeros(DType::kInt8, {64, 64}));
  b.weight("scale", Tensor::scalar(0.5F)).weight("one", Tensor::scalar(1.0F));
  b.weight("shape", Tensor::of<std::int64_t>({2}, {64, 64}));
  b.node("DequantizeLinear", {"q", "scale"}, {"d"}).node("Expand", {"one", "shape"}, {"e"});
  b.node("Add", {"x", "d"}, {"s"}).node("Add", {"s", "e"}, {"y"});
  check_pass("fold_constants", "fold_constants_growth", b.build(), 0, ramps);
}

TEST(FoldConstants, OnlyWhatIsLargeStays) {
  ModelBuilder b;
  b.input("x", {64, 64}).output("y", {64, 64}).weight("one", Tensor::scalar(1.0F));
  b.weight("shape", Tensor::of<std::int64_t>({2}, {64, 64}));
  b.node("Neg", {"one"}, {"n"}).node("Expand", {"n", "shape"}, {"e"}).node("Add", {"x", "e"}, {"y"});
  check_pass("fold_constants", "fold_constants_small_part", b.build(), 1, ramps);
}

// A file may claim any size for an inner tensor; the sizes that count are inferred.
TEST(FoldConstants, NotOnAClaimOfTheFile) {
  ModelBuilder b;
  b.input("x", {1}).output("y", {-1}).weight("one", Tensor::scalar(1.0F)).input("shape", {1});
  b.weight("mask", Tensor::of<float>({3}, {1, 0, 1}))
      .node("NonZero", {"mask"}, {"i"})
      .node("Cast", {"i"}, {"f"}, {{"to", std::int64_t{1}}});
  b.node("Add", {"x", "f"}, {"y"});
  graph::Model model = b.build();
  model.graph.values.push_back({"i", {graph::TypeKind::kTensor, DType::kInt64, true, {{1, ""}, {1, ""}}, ""}, ""});
  RewriteGate gate;
  EXPECT_EQ(*fold_constants(model, {gate, ramps}), 0);
}

TEST(EliminateIdentity, InTheMiddle) {
  check_pass("eliminate_identity", "eliminate_identity_middle",
             conv_model().node("Identity", {"x"}, {"i"}).node("Conv", {"i", "w"}, {"y"}).build(), 1);
}

TEST(EliminateIdentity, BeforeAnOutputKeepsItsName) {
  check_pass("eliminate_identity", "eliminate_identity_output",
             conv_model().node("Conv", {"x", "w"}, {"c"}).node("Identity", {"c"}, {"y"}).build(), 1);
}

TEST(EliminateIdentity, FromInputToOutputStays) {
  ModelBuilder b;
  b.input("x", {2}).output("y", {2}).node("Identity", {"x"}, {"y"});
  check_pass("eliminate_identity", "eliminate_identity_stays", b.build(), 0);
}

TEST(EliminateNopTranspose, OnlyTheOneThatMovesNothing) {
  ModelBuilder b;
  b.input("x", {2, 3}).output("y", {3, 2});
  b.node("Transpose", {"x"}, {"t"}, {{"perm", Ints{0, 1}}}).node("Transpose", {"t"}, {"y"}, {{"perm", Ints{1, 0}}});
  check_pass("eliminate_nop_transpose", "eliminate_nop_transpose", b.build(), 1);
}

TEST(FuseBnIntoConv, WithoutBias) {
  ModelBuilder b = conv_model();
  add_bn(b).node("Conv", {"x", "w"}, {"c"}).node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"y"});
  check_pass("fuse_bn_into_conv", "fuse_bn_into_conv", b.build(), 1);
}

TEST(FuseBnIntoConv, NotWhenSomebodyElseReadsTheConv) {
  ModelBuilder b = conv_model();
  add_bn(b)
      .output("c", {-1, 3, 4, 4})
      .node("Conv", {"x", "w"}, {"c"})
      .node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"y"});
  check_pass("fuse_bn_into_conv", "fuse_bn_into_conv_shared", b.build(), 0);
}

TEST(FuseBnIntoConv, NotWithAVarianceThatIsNotPositive) {
  ModelBuilder b = conv_model();
  add_bn(b).node("Conv", {"x", "w"}, {"c"}).node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"y"});
  graph::Model model = b.build();
  model.graph.find_weight("var")->tensor = Tensor::of<float>({3}, {1.0F, -4.0F, 1.0F});
  RewriteGate gate;
  EXPECT_EQ(*fuse_bn_into_conv(model, {gate, {}}), 0);
}

TEST(FuseAddBiasIntoConv, OneNumberAChannel) {
  ModelBuilder b = conv_model();
  b.weight("c", Tensor::of<float>({3, 1, 1}, {1.0F, 2.0F, 3.0F}))
      .node("Conv", {"x", "w"}, {"t"})
      .node("Add", {"c", "t"}, {"y"});
  check_pass("fuse_add_bias_into_conv", "fuse_add_bias_into_conv", b.build(), 1);
}

TEST(FuseAddBiasIntoConv, NotAlongAnotherAxis) {
  ModelBuilder b;
  b.input("x", {-1, 2, 4, 3}).weight("w", ramp({3, 2, 1, 1})).output("y", {-1, 3, 4, 3});
  b.weight("c", Tensor::of<float>({3}, {1.0F, 2.0F, 3.0F}))
      .node("Conv", {"x", "w"}, {"t"})
      .node("Add", {"t", "c"}, {"y"});
  check_pass("fuse_add_bias_into_conv", "fuse_add_bias_into_conv_width", b.build(), 0);
}

TEST(EliminateDeadCode, NodesAndWeights) {
  ModelBuilder b = conv_model();
  b.weight("unused", ramp({2})).node("Conv", {"x", "w"}, {"y"}).node("Relu", {"y"}, {"r"}).node("Neg", {"r"}, {"n"});
  check_pass("eliminate_dead_code", "eliminate_dead_code", b.build(), 3);
}

graph::Model everything() {
  ModelBuilder b = conv_model();
  add_bn(b).weight("c", Tensor::of<float>({3, 1, 1}, {1.0F, 2.0F, 3.0F}));
  b.node("Identity", {"x"}, {"i"})
      .node("Transpose", {"i"}, {"t"}, {{"perm", Ints{0, 1, 2, 3}}})
      .node("Conv", {"t", "w"}, {"v"});
  b.node("BatchNormalization", {"v", "scale", "shift", "mean", "var"}, {"n"}).node("Relu", {"n"}, {"r"});
  b.weight("w2", ramp({3, 3, 1, 1})).node("Conv", {"r", "w2"}, {"u"}).node("Add", {"u", "c"}, {"y"});
  return b.build();
}

TEST(Presets, AllThree) {
  for (const PresetRow& preset : all_presets()) {
    graph::Model model = everything();
    const Result<std::vector<PassReport>> reports = run_passes(model, preset.passes);
    ASSERT_OK(reports);
    for (const PassReport& report : *reports) EXPECT_EQ(report.undone_because, "") << report.name;
    expect_golden("preset_" + std::string(preset.name), everything(), model);
  }
}

// By name: a preset may get passes before it.
const PassReport& report_of(const std::vector<PassReport>& reports, std::string_view pass) {
  return *std::ranges::find(reports, pass, &PassReport::name);
}

TEST(Presets, DisabledPassIsSkippedAndUnknownIsNamed) {
  graph::Model model = everything();
  RunOptions options;
  options.disabled = {"eliminate_identity"};
  const auto reports = run_passes(model, find_preset("fast")->passes, options);
  ASSERT_OK(reports);
  EXPECT_TRUE(report_of(*reports, "eliminate_identity").skipped);
  const std::vector<std::string_view> unknown = {"no_such_pass"};
  EXPECT_ERROR(run_passes(model, unknown), Code::kNotFound, "no_such_pass");
}

TEST(Runner, APassNoneOfWhoseRewritesIsAcceptedChangesNothing) {
  graph::Model model = everything();
  RunOptions options;
  options.accept = [](const PassRow&, const graph::Model&, const graph::Model&) -> Status {
    return Error{Code::kInvalid, "outputs differ"};
  };
  const auto reports = run_passes(model, find_preset("aggressive")->passes, options);
  ASSERT_OK(reports);
  const PassReport& identity = report_of(*reports, "eliminate_identity");
  ASSERT_EQ(identity.dropped.size(), 1U);
  EXPECT_EQ(identity.dropped[0].why, "outputs differ");
  EXPECT_EQ(graph::to_text(model), graph::to_text(everything()));
}

// Rewrites as a pass with a mistake would: the first leaves a name that nobody makes, the second gives up half way.
Result<int> break_graph(graph::Model& model, const PassContext&) {
  model.graph.nodes[0].inputs[0] = "nobody";
  return 1;
}
Result<int> give_up(graph::Model& model, const PassContext&) {
  model.graph.nodes.clear();
  return Error{Code::kUnsupported, "not for this graph"};
}

TEST(Runner, APassThatBreaksTheGraphOrFailsIsUndoneAndTheRestRuns) {
  graph::Model model = everything();
  const std::vector<PassRow> rows = {{"break_graph", "", break_graph, true},
                                     {"give_up", "", give_up, true},
                                     {"eliminate_identity", "", eliminate_identity, true}};
  const std::vector<PassReport> reports = run_rows(model, rows, {});
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_NE(reports[0].undone_because.find("nobody"), std::string::npos) << reports[0].undone_because;
  EXPECT_EQ(reports[0].changes, 0);
  EXPECT_EQ(reports[1].undone_because, "not for this graph");
  EXPECT_EQ(reports[2].undone_because, "");
  EXPECT_EQ(reports[2].changes, 1);
  ASSERT_OK(graph::verify(model));
}

TEST(Runner, EachPassIsTimedAndASkippedOneTakesNone) {
  graph::Model model = everything();
  std::int64_t now = 0;
  RunOptions options;
  options.now_ns = [&now] { return now; };
  options.disabled = {"eliminate_nop_transpose"};
  options.accept = [&now](const PassRow&, const graph::Model&, const graph::Model&) -> Status {
    now += 7;
    return {};
  };
  const auto reports = run_passes(model, find_preset("fast")->passes, options);
  ASSERT_OK(reports);
  for (const PassReport& report : *reports) EXPECT_EQ(report.time_ns, report.changes > 0 ? 7 : 0) << report.name;
  EXPECT_EQ(report_of(*reports, "eliminate_identity").time_ns, 7);
}

// Nodes of another domain may have ONNX's names: they are somebody else's.
TEST(Presets, OtherDomainsStayUntouched) {
  graph::Model model = everything();
  for (graph::Node& node : model.graph.nodes) node.domain = "com.example";
  model.opsets.push_back({"com.example", 1});
  const std::string before = graph::to_text(model);
  for (const PresetRow& preset : all_presets()) {
    ASSERT_OK(run_passes(model, preset.passes));
    EXPECT_EQ(graph::to_text(model), before) << preset.name;
  }
  EXPECT_TRUE(tensors_to_observe(model).empty());
  EXPECT_ERROR(quantize_dynamic(model), Code::kUnsupported, "nothing to quantise");
  EXPECT_ERROR(quantize_weights(model), Code::kUnsupported, "nothing to quantise");
}

graph::Model quantisable() {
  ModelBuilder b;
  b.input("x", {-1, 2, 8, 8}).weight("w", ramp({4, 2, 3, 3})).weight("b", ramp({4})).output("y", {-1, 5});
  b.node("Conv", {"x", "w", "b"}, {"c"}, {{"pads", Ints{1, 1, 1, 1}}}).node("Relu", {"c"}, {"r"});
  b.node("MaxPool", {"r"}, {"m"}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  b.weight("w2", ramp({4, 4, 1, 1}))
      .node("Conv", {"m", "w2"}, {"c2"})
      .node("Add", {"c2", "m"}, {"a"})
      .node("Relu", {"a"}, {"r2"});
  b.node("GlobalAveragePool", {"r2"}, {"p"}).node("Flatten", {"p"}, {"f"});
  b.weight("w3", ramp({5, 4}))
      .weight("b3", ramp({5}))
      .node("Gemm", {"f", "w3", "b3"}, {"y"}, {{"transB", std::int64_t{1}}});
  return b.build();
}

Ranges fixed_ranges(const graph::Model& model) {
  Ranges ranges;
  for (const std::string& tensor : tensors_to_observe(model)) ranges[tensor] = {-1.0F, 3.0F};
  return ranges;
}

TEST(QuantizeStatic, GoldenPerChannelAndPerTensor) {
  for (const bool per_channel : {true, false}) {
    graph::Model model = quantisable();
    const auto report = quantize_static(model, fixed_ranges(model), {per_channel, 8});
    ASSERT_OK(report);
    EXPECT_EQ(report->nodes, 3);
    ASSERT_OK(graph::verify(model));
    expect_golden(per_channel ? "quantize_static_per_channel" : "quantize_static_per_tensor", quantisable(), model);
  }
}

TEST(QuantizeStatic, ErrorsNameTheTensor) {
  graph::Model model = quantisable();
  EXPECT_ERROR(quantize_static(model, {}, {}), Code::kInvalid, "no calibration range for tensor");
  Ranges ranges = fixed_ranges(model);
  ranges.begin()->second.max = std::numeric_limits<float>::infinity();
  EXPECT_ERROR(quantize_static(model, ranges, {}), Code::kInvalid, "'" + ranges.begin()->first + "'");
  ModelBuilder b;
  b.input("x", {2}).output("y", {2}).node("Relu", {"x"}, {"y"});
  graph::Model plain = b.build();
  EXPECT_ERROR(quantize_static(plain, {}, {}), Code::kUnsupported, "nothing to quantise");
  EXPECT_ERROR(quantize_dynamic(plain), Code::kUnsupported, "nothing to quantise");
  EXPECT_ERROR(quantize_weights(plain), Code::kUnsupported, "nothing to quantise");
}

TEST(QuantizeDynamic, Golden) {
  graph::Model model = quantisable();
  ASSERT_OK(quantize_dynamic(model));
  ASSERT_OK(graph::verify(model));
  expect_golden("quantize_dynamic", quantisable(), model);
}

TEST(QuantizeWeights, Golden) {
  ModelBuilder b;
  b.input("x", {-1, 32}).weight("w", ramp({32, 16})).output("y", {-1, 16}).node("MatMul", {"x", "w"}, {"y"});
  graph::Model model = b.build();
  ASSERT_OK(quantize_weights(model));
  ASSERT_OK(graph::verify(model));
  expect_golden("quantize_weights", b.build(), model);
}

TEST(ObserveRanges, Golden) {
  const graph::Model model = quantisable();
  const Result<ObservedModel> observed = observe_ranges(model, tensors_to_observe(model));
  ASSERT_OK(observed);
  ASSERT_OK(graph::verify(observed->model));
  expect_golden("observe_ranges", model, observed->model);
}

}  // namespace
}  // namespace arete::pass
