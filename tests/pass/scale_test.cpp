// Time grows as the graph does: reading, sorting, verifying and every preset on chains and fans of
// Identity, Transpose, Conv and Add.
#include <ctime>

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

// CPU seconds of the whole way.
double seconds_for(const graph::Model& model, std::string_view preset) {
  const Result<graph::WrittenModel> written = graph::write_onnx(model);
  EXPECT_TRUE(written.has_value());
  const std::clock_t start = std::clock();
  Result<graph::ReadModel> read = graph::read_onnx(std::as_bytes(std::span(written->bytes)));
  EXPECT_TRUE(read.has_value());
  EXPECT_TRUE(graph::sort_nodes(read->model.graph).has_value());
  EXPECT_TRUE(graph::verify(read->model).has_value());
  const auto reports = run_passes(read->model, find_preset(preset)->passes);
  EXPECT_TRUE(reports.has_value());
  for (const PassReport& report : *reports) EXPECT_EQ(report.undone_because, "") << report.name;
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

constexpr int kSmall = 12'500;
constexpr int kLarge = 100'000;
constexpr double kMostRatio = 30;  // 8 where time is linear, 64 where it is quadratic

TEST(Scale, TimeIsLinearInTheNodesOfAChain) {
  const double small = seconds_for(chain(kSmall), "aggressive");
  const double large = seconds_for(chain(kLarge), "aggressive");
  std::cout << kLarge << " nodes of a chain: " << large << " s, " << large / small << " times " << kSmall << "\n";
  EXPECT_LT(large / small, kMostRatio);
}

TEST(Scale, TimeIsLinearInTheNodesOfAFan) {
  const double small = seconds_for(fan(kSmall), "fast");
  const double large = seconds_for(fan(kLarge), "fast");
  std::cout << kLarge << " nodes of a fan: " << large << " s, " << large / small << " times " << kSmall << "\n";
  EXPECT_LT(large / small, kMostRatio);
}

// A name captured by many branches, and branches within branches: scopes are not copied.
TEST(Scale, TimeIsLinearInTheSubgraphs) {
  const auto branches = [](int count) {
    ModelBuilder b;
    b.input("x", {2}).input("flag", {});
    for (int i = 0; i < count; ++i) {
      graph::Graph sub;
      sub.outputs.push_back({"o", {}, ""});
      graph::Node neg;
      neg.op_type = "Neg";
      neg.inputs = {"x"};
      neg.outputs = {"o"};
      sub.nodes.push_back(neg);
      const auto shared = std::make_shared<const graph::Graph>(std::move(sub));
      b.node("If", {"flag"}, {at("y", i)}, {{"then_branch", shared}, {"else_branch", shared}});
    }
    return b.output(at("y", count - 1), {2}).build();
  };
  const double small = seconds_for(branches(kSmall / 4), "fast");
  const double large = seconds_for(branches(kLarge / 4), "fast");
  EXPECT_LT(large / small, kMostRatio);
}

TEST(Scale, AMillionNodesAreReadWithinSeconds) {
  const std::clock_t start = std::clock();
  graph::Model model = chain(1'000'000);
  const Result<graph::WrittenModel> written = graph::write_onnx(model);
  ASSERT_OK(written);
  const Result<graph::ReadModel> read = graph::read_onnx(std::as_bytes(std::span(written->bytes)));
  ASSERT_OK(read);
  ASSERT_OK(graph::verify(read->model));
  std::cout << read->model.graph.nodes.size() << " nodes made, written, read and verified in "
            << static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC << " s of CPU\n";
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 60);
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
