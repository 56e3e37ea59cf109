// Quantised graphs on a real engine: they compute nearly the same, and the engine really forms
// integer kernels from them.
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "engine/onnxruntime/onnxruntime.h"
#include "graph/onnx_io.h"
#include "graph/summary.h"
#include "os/base/files.h"
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

std::unique_ptr<engine::Engine> make_engine() {
  auto made = engine::make_onnxruntime({{std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"}});
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(*made);
}

std::unique_ptr<engine::Session> open(engine::Engine& engine, const graph::Model& model,
                                      const std::string& optimised_path = "") {
  const auto written = graph::write_onnx(model);
  EXPECT_TRUE(written.has_value());
  engine::SessionOptions options;
  options.threads = 1;
  options.optimised_model_path = optimised_path;
  auto session = engine.open(engine::ModelSource::from_bytes(written->bytes, "test"), options);
  EXPECT_TRUE(session.has_value()) << session.error().message;
  return std::move(*session);
}

// Conv-Relu, pooling, a residual Add, a depthwise Conv with Clip, Concat, a head with Gemm.
graph::Model network() {
  ModelBuilder b;
  b.input("x", {-1, 3, 16, 16}).output("y", {-1, 5});
  b.weight("w", ramp({8, 3, 3, 3}, -0.4F, 0.05F)).weight("b", ramp({8}, -0.2F, 0.05F));
  b.node("Conv", {"x", "w", "b"}, {"c"}, {{"pads", Ints{1, 1, 1, 1}}}).node("Relu", {"c"}, {"r"});
  b.node("MaxPool", {"r"}, {"m"}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  b.weight("w2", ramp({8, 8, 3, 3}, -0.1F, 0.013F)).node("Conv", {"m", "w2"}, {"c2"}, {{"pads", Ints{1, 1, 1, 1}}});
  b.node("Add", {"c2", "m"}, {"a"}).node("Relu", {"a"}, {"r2"});
  b.weight("wd", ramp({8, 1, 3, 3}, -0.3F, 0.04F))
      .weight("six", Tensor::scalar<float>(6.0F))
      .weight("zero", Tensor::scalar<float>(0.0F));
  b.node("Conv", {"r2", "wd"}, {"d"}, {{"group", std::int64_t{8}}, {"pads", Ints{1, 1, 1, 1}}})
      .node("Clip", {"d", "zero", "six"}, {"k"});
  b.node("Concat", {"k", "m"}, {"n"}, {{"axis", std::int64_t{1}}});
  b.node("GlobalAveragePool", {"n"}, {"p"}).node("Flatten", {"p"}, {"f"});
  b.weight("w3", ramp({5, 16}, -0.5F, 0.06F)).weight("b3", ramp({5}));
  b.node("Gemm", {"f", "w3", "b3"}, {"y"}, {{"transB", std::int64_t{1}}, {"alpha", 0.5F}, {"beta", 2.0F}});
  return b.build();
}

Tensor noise(const Shape& shape, std::uint32_t seed) {
  Tensor tensor = ramp(shape);
  for (float& value : tensor.mutable_data<float>()) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
  }
  return tensor;
}

Ranges observe(engine::Engine& engine, const graph::Model& model, const Tensor& x) {
  const auto observed = observe_ranges(model, tensors_to_observe(model));
  EXPECT_TRUE(observed.has_value());
  auto session = open(engine, observed->model);
  const std::vector<NamedTensor> inputs = {{"x", x}};
  const auto outputs = session->run(inputs);
  EXPECT_TRUE(outputs.has_value()) << outputs.error().message;
  Ranges ranges;
  std::size_t at = 0;
  for (const auto& pair : observed->pairs) {
    Range& range = ranges[pair.tensor];
    if (!pair.min_output.empty()) range.min = (*outputs)[at++].data<float>()[0];
    range.max = (*outputs)[at++].data<float>()[0];
  }
  return ranges;
}

double sqnr_db(engine::Session& a, engine::Session& b, const Tensor& x) {
  const std::vector<NamedTensor> inputs = {{"x", x}};
  const auto first = a.run(inputs);
  const auto second = b.run(inputs);
  EXPECT_TRUE(first.has_value() && second.has_value());
  double signal = 0;
  double noise_power = 0;
  for (std::size_t i = 0; i < (*first)[0].data<float>().size(); ++i) {
    const double p = (*first)[0].data<float>()[i];
    const double q = (*second)[0].data<float>()[i];
    signal += p * p;
    noise_power += (p - q) * (p - q);
  }
  return 10 * std::log10(signal / noise_power);
}

std::map<std::string, std::int64_t> optimised_ops(engine::Engine& engine, const graph::Model& model) {
  // Tests of this program run beside each other, each in its own process.
  const std::string path =
      std::string(ARETE_BINARY_DIR) + "/test_pass_optimised_" + std::to_string(::getpid()) + ".onnx";
  open(engine, model, path);
  const auto read = graph::read_onnx(os::real_file_system().map(path)->view);
  EXPECT_TRUE(read.has_value()) << read.error().message;
  std::filesystem::remove(path);
  std::map<std::string, std::int64_t> by_type;  // in any domain
  for (const graph::Node& node : read->model.graph.nodes) ++by_type[node.op_type];
  return by_type;
}

TEST(StaticInt8, EngineFormsIntegerKernels) {
  const auto engine = make_engine();
  const Tensor x = noise({4, 3, 16, 16}, 1);
  for (const bool per_channel : {true, false}) {
    SCOPED_TRACE(per_channel);
    graph::Model model = network();
    ASSERT_OK(quantize_static(model, observe(*engine, network(), x), {per_channel, 8}));
    std::map<std::string, std::int64_t> ops = optimised_ops(*engine, model);
    EXPECT_EQ(ops["QLinearConv"], 3);
    EXPECT_EQ(ops["QGemm"], 1);
    EXPECT_EQ(ops["QLinearAdd"], 1);
    EXPECT_EQ(ops["QLinearGlobalAveragePool"], 1);
    EXPECT_EQ(ops["QLinearConcat"], 1);
    EXPECT_EQ(ops["Conv"] + ops["FusedConv"] + ops["Gemm"] + ops["Relu"], 0);
    const auto original = open(*engine, network());
    const auto quantised = open(*engine, model);
    EXPECT_GT(sqnr_db(*original, *quantised, x), per_channel ? 28.0 : 25.0);
    EXPECT_EQ(quantised->outputs()[0].name, "y");
  }
}

TEST(DynamicInt8, EngineFusesItAndItComputesTheSame) {
  const auto engine = make_engine();
  ModelBuilder b;
  b.input("x", {-1, 32})
      .output("y", {-1, 8})
      .weight("w", noise({32, 16}, 3))
      .weight("w2", noise({8, 16}, 4))
      .weight("b2", ramp({8}));
  b.node("MatMul", {"x", "w"}, {"h"})
      .node("Relu", {"h"}, {"r"})
      .node("Gemm", {"r", "w2", "b2"}, {"y"}, {{"transB", std::int64_t{1}}, {"beta", 0.5F}});
  graph::Model model = b.build();
  ASSERT_OK(quantize_dynamic(model));
  std::map<std::string, std::int64_t> ops = optimised_ops(*engine, model);
  EXPECT_EQ(ops["DynamicQuantizeMatMul"] + ops["MatMulIntegerToFloat"], 2);
  const auto original = open(*engine, b.build());
  const auto quantised = open(*engine, model);
  EXPECT_GT(sqnr_db(*original, *quantised, noise({4, 32}, 5)), 30.0);
}

TEST(WeightOnly, EngineUnpacksAtLoadAndItComputesTheSame) {
  const auto engine = make_engine();
  graph::Model model = network();
  ASSERT_OK(quantize_weights(model));
  std::map<std::string, std::int64_t> ops = optimised_ops(*engine, model);
  EXPECT_EQ(ops["DequantizeLinear"], 0);
  const auto original = open(*engine, network());
  const auto quantised = open(*engine, model);
  EXPECT_GT(sqnr_db(*original, *quantised, noise({2, 3, 16, 16}, 7)), 35.0);
}

// A channel whose weights are nearly nothing under a large bias: its bias must not overflow int32.
TEST(StaticInt8, DeadChannelKeepsItsBias) {
  const auto engine = make_engine();
  ModelBuilder b;
  b.input("x", {-1, 1, 4, 4}).output("y", {-1, 2, 4, 4});
  b.weight("w", Tensor::of<float>({2, 1, 1, 1}, {0.5F, 1e-12F})).weight("b", Tensor::of<float>({2}, {0.0F, 1.0F}));
  b.node("Conv", {"x", "w", "b"}, {"y"});
  graph::Model model = b.build();
  const Tensor x = noise({1, 1, 4, 4}, 9);
  ASSERT_OK(quantize_static(model, observe(*engine, b.build(), x), {true, 8}));
  const auto original = open(*engine, b.build());
  const auto quantised = open(*engine, model);
  EXPECT_GT(sqnr_db(*original, *quantised, x), 30.0);
}

TEST(GraphPasses, ArithmeticStaysTheSameOnTheEngine) {
  const auto engine = make_engine();
  ModelBuilder b;
  b.input("x", {-1, 3, 8, 8}).output("y", {-1, 4, 8, 8}).weight("w", noise({4, 3, 1, 1}, 11));
  b.weight("scale", ramp({4}, 0.5F))
      .weight("shift", ramp({4}))
      .weight("mean", ramp({4}))
      .weight("var", ramp({4}, 0.5F));
  b.weight("c", ramp({1, 4, 1, 1}));
  b.node("Identity", {"x"}, {"i"})
      .node("Conv", {"i", "w"}, {"v"})
      .node("BatchNormalization", {"v", "scale", "shift", "mean", "var"}, {"n"});
  b.node("Relu", {"n"}, {"r"})
      .weight("w2", noise({4, 4, 1, 1}, 12))
      .node("Conv", {"r", "w2"}, {"u"})
      .node("Add", {"u", "c"}, {"y"});
  graph::Model model = b.build();
  ASSERT_OK(run_passes(model, find_preset("aggressive")->passes));
  EXPECT_EQ(model.graph.nodes.size(), 3U);
  const auto original = open(*engine, b.build());
  const auto optimised = open(*engine, model);
  EXPECT_GT(sqnr_db(*original, *optimised, noise({2, 3, 8, 8}, 13)), 120.0);
}

}  // namespace
}  // namespace arete::pass
