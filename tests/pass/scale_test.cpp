// Large graphs: reading, sorting, verifying and presets on chains and fans of Identity, Transpose, Conv and Add. And
// what a bypass may do.
#include "graph/onnx_io.h"
#include "graph/text.h"
#include "graph/verifier.h"
#include "pass/preset.h"
#include "pass/runner.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::pass {
namespace {

using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

std::string at(const char* name, int index) { return name + std::to_string(index); }

// One block after the other: Identity, Transpose, Conv, Add, Add, and an Identity that nothing reads.
graph::Model chain(int nodes) {
  ModelBuilder b;
  b.input("x0", {1, 2, 2, 2}).weight("w", ramp({2, 2, 1, 1})).weight("c", ramp({2, 1, 1}));
  const int blocks = nodes / 6;
  for (int i = 0; i < blocks; ++i) {
    b.node("Identity", {at("x", i)}, {at("i", i)})
        .node("Transpose", {at("i", i)}, {at("t", i)}, {{"perm", Ints{0, 1, 2, 3}}});
    b.node("Conv", {at("t", i), "w"}, {at("k", i)})
        .node("Add", {at("k", i), "c"}, {at("a", i)})
        .node("Add", {"c", at("a", i)}, {at("x", i + 1)});
    b.node("Identity", {at("x", i)}, {at("dead", i)});
  }
  return b.output(at("x", blocks), {1, 2, 2, 2}).build();
}

// One tensor that everybody reads through Identities, each of which is an output as well.
graph::Model fan(int nodes) {
  ModelBuilder b;
  b.input("x", {1, 2, 2, 2}).node("Relu", {"x"}, {"r"});
  for (int i = 0; i < nodes / 2; ++i) {
    b.node("Identity", {"r"}, {at("i", i)}).node("Neg", {at("i", i)}, {at("n", i)});
    b.output(at("n", i), {1, 2, 2, 2}).output(at("i", i), {1, 2, 2, 2});
  }
  return b.build();
}

// The whole way of a large model, without an assertion about time: what is quadratic in a graph of this size runs into
// the test's own time limit.
graph::Model rewritten(const graph::Model& model, std::string_view preset) {
  const Result<graph::WrittenModel> written = graph::write_onnx(model);
  EXPECT_TRUE(written.has_value());
  Result<graph::ReadModel> read = graph::read_onnx(std::as_bytes(std::span(written->bytes)));
  EXPECT_TRUE(read.has_value());
  EXPECT_TRUE(graph::sort_nodes(read->model.graph).has_value());
  EXPECT_TRUE(graph::verify(read->model).has_value());
  const auto reports = run_passes(read->model, find_preset(preset)->passes);
  EXPECT_TRUE(reports.has_value());
  for (const PassReport& report : *reports) EXPECT_EQ(report.undone_because, "") << report.name;
  return std::move(read->model);
}

constexpr int kNodes = 99'996;  // of blocks of six and of two

// Of each block one Conv stays, with both biases in it.
TEST(Scale, AChainOfAHundredThousandNodes) {
  EXPECT_EQ(rewritten(chain(kNodes), "aggressive").graph.nodes.size(), kNodes / 6U);
}

// Every Identity makes an output: the first one's name goes to the Relu before it, the others stay.
TEST(Scale, AFanOfAHundredThousandNodes) {
  EXPECT_EQ(rewritten(fan(kNodes), "fast").graph.nodes.size(), static_cast<std::size_t>(kNodes));
}

// A name captured by many branches: scopes are not copied.
TEST(Scale, FiftyThousandSubgraphs) {
  ModelBuilder b;
  b.input("x", {2}).input("flag", {});
  constexpr int kCount = 25'000;
  for (int i = 0; i < kCount; ++i) {
    graph::Graph sub;
    sub.outputs.push_back({"o", {}, ""});
    graph::Node neg;
    neg.op_type = "Neg";
    neg.inputs = {"x"};
    neg.outputs = {"o"};
    sub.nodes.push_back(neg);
    const auto shared = std::make_shared<const graph::Graph>(std::move(sub));
    b.node("If", {"flag"}, {at("y", i)}, {{"then_branch", shared}, {"else_branch", shared}}).output(at("y", i), {2});
  }
  EXPECT_EQ(rewritten(b.build(), "fast").graph.nodes.size(), static_cast<std::size_t>(kCount));
}

TEST(Scale, AMillionNodesAreReadAndVerified) {
  constexpr int kMillion = 999'996;
  const Result<graph::WrittenModel> written = graph::write_onnx(chain(kMillion));
  ASSERT_OK(written);
  const Result<graph::ReadModel> read = graph::read_onnx(std::as_bytes(std::span(written->bytes)));
  ASSERT_OK(read);
  ASSERT_OK(graph::verify(read->model));
  EXPECT_EQ(read->model.graph.nodes.size(), static_cast<std::size_t>(kMillion));
}

// --- what a bypass may do -------------------------------------------------------------------------

std::string text_after(const char* pass, graph::Model model) {
  const std::vector<std::string_view> passes = {pass};
  const auto reports = run_passes(model, passes);
  EXPECT_TRUE(reports.has_value());
  EXPECT_EQ((*reports)[0].undone_because, "");
  std::string text = graph::to_text(model);
  return text.substr(text.find("graph"));
}

TEST(Bypass, ChainsOfIdentitiesGo) {
  ModelBuilder b;
  b.input("x", {2})
      .output("y", {2})
      .node("Identity", {"x"}, {"a"})
      .node("Identity", {"a"}, {"b"})
      .node("Identity", {"b"}, {"c"})
      .node("Neg", {"c"}, {"y"});
  EXPECT_EQ(text_after("eliminate_identity", b.build()),
            "graph g {\n  input x: float32[2]\n  y = Neg(x)\n  output y: float32[2]\n}\n");
}

TEST(Bypass, TheMakerTakesAnOutputsNameOnce) {
  ModelBuilder b;
  b.input("x", {2}).output("y", {2}).output("z", {2});
  b.node("Neg", {"x"}, {"n"})
      .node("Identity", {"n"}, {"a"})
      .node("Identity", {"a"}, {"y"})
      .node("Identity", {"n"}, {"z"})
      .node("Abs", {"a"}, {"k"});
  EXPECT_EQ(text_after("eliminate_identity", b.build()),
            "graph g {\n  input x: float32[2]\n  y = Neg(x)\n  z = Identity(y)\n  k = Abs(y)\n  output y: float32[2]\n "
            " output z: float32[2]\n}\n");
}

TEST(Bypass, WeightsAndInputsKeepTheirNames) {
  ModelBuilder b;
  b.input("x", {2})
      .weight("w", ramp({2}))
      .output("y", {2})
      .output("z", {2})
      .node("Identity", {"w"}, {"y"})
      .node("Identity", {"x"}, {"z"});
  const std::string before = graph::to_text(b.build());
  EXPECT_EQ(text_after("eliminate_identity", b.build()), before.substr(before.find("graph")));
}

TEST(Bypass, WhatABranchReadsKeepsItsName) {
  graph::Graph sub;
  sub.outputs.push_back({"i", {}, ""});
  const auto shared = std::make_shared<const graph::Graph>(std::move(sub));
  ModelBuilder b;
  b.input("x", {2}).input("flag", {}).output("y", {2}).node("Neg", {"x"}, {"n"}).node("Identity", {"n"}, {"i"});
  b.node("If", {"flag"}, {"y"}, {{"then_branch", shared}, {"else_branch", shared}});
  const std::string text = text_after("eliminate_identity", b.build());
  EXPECT_NE(text.find("  i = Neg(x)\n  y = If(flag)"), std::string::npos) << text;
}

TEST(FuseAddBias, SeveralAddsBehindOneConv) {
  ModelBuilder b;
  b.input("x", {1, 2, 2, 2}).weight("w", ramp({2, 2, 1, 1})).weight("b", Tensor::of<float>({2}, {1.0F, 2.0F}));
  b.weight("c", Tensor::of<float>({2, 1, 1}, {10.0F, 20.0F}))
      .weight("d", Tensor::scalar<float>(100.0F))
      .output("y", {1, 2, 2, 2});
  b.node("Conv", {"x", "w", "b"}, {"k"}).node("Add", {"k", "c"}, {"a"}).node("Add", {"d", "a"}, {"y"});
  const std::string text = text_after("fuse_add_bias_into_conv", b.build());
  EXPECT_NE(text.find("weight w_bias: float32[2] = {111, 122}\n  y = Conv(x, w, w_bias)\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace arete::pass
