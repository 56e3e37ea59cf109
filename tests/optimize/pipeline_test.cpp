// The whole pipeline on files in memory, with an engine whose int8 models are slow on every CPU.
#include "optimize/pipeline.h"

#include <chrono>
#include <thread>

#include "core/npy.h"
#include "engine/onnx_scan.h"
#include "engine/onnxruntime/onnxruntime.h"
#include "graph/onnx_io.h"
#include "os/base/memory_files.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::optimize {
namespace {

using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

class DelayedSession final : public engine::Session {
 public:
  explicit DelayedSession(std::unique_ptr<engine::Session> session) : session_(std::move(session)) {}
  const std::vector<engine::ValueInfo>& inputs() const override { return session_->inputs(); }
  const std::vector<engine::ValueInfo>& outputs() const override { return session_->outputs(); }
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    return session_->run(inputs);
  }

 private:
  std::unique_ptr<engine::Session> session_;
};

class SlowInt8Engine final : public engine::Engine {
 public:
  SlowInt8Engine() {
    auto made = engine::make_onnxruntime({{std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"}});
    EXPECT_TRUE(made.has_value());
    engine_ = std::move(*made);
  }
  std::string name() const override { return engine_->name(); }
  std::string version() const override { return engine_->version(); }
  Result<std::unique_ptr<engine::Session>> open(const engine::ModelSource& source,
                                                const engine::SessionOptions& options) override {
    ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session, engine_->open(source, options));
    ASSIGN_OR_RETURN(const engine::OnnxScan scan, engine::scan_onnx(source.bytes.view));
    if (!scan.ops.contains("QuantizeLinear")) return session;
    return std::unique_ptr<engine::Session>(std::make_unique<DelayedSession>(std::move(session)));
  }

 private:
  std::unique_ptr<engine::Engine> engine_;
};

graph::Model network() {
  ModelBuilder b;
  b.input("x", {-1, 8, 6, 6}).weight("w", ramp({64, 8, 3, 3}, -0.4F, 0.05F)).output("y", {-1, 5});
  b.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"r"}).node("GlobalAveragePool", {"r"}, {"p"});
  b.weight("v", ramp({5, 64})).node("Flatten", {"p"}, {"f"});
  b.node("Gemm", {"f", "v"}, {"y"}, {{"transB", std::int64_t{1}}});
  return b.build();
}

class Pipeline : public testing::Test {
 protected:
  Pipeline() {
    const auto written = graph::write_onnx(network());
    EXPECT_TRUE(written.has_value());
    original_ = written->bytes;
    const std::vector<NamedTensor> samples = {{"x", ramp({12, 8, 6, 6})}};
    EXPECT_TRUE(os::write_text(files_, "w/m.onnx", original_).has_value());
    EXPECT_TRUE(os::write_text(files_, "w/c.npz", *write_npz(samples)).has_value());
    request_.model_path = "w/m.onnx";
    request_.output_path = "w/o.onnx";
    request_.report_path = "w/r.html";
    request_.calibration_path = "w/c.npz";
    request_.target = "mobile";
    request_.max_accuracy_drop_points = 100;
    request_.threads = 1;
  }

  std::string content(const std::string& path) {
    const Result<std::string> text = os::read_file(files_, path, 1 << 24);
    return text ? *text : "";
  }

  os::MemoryFileSystem files_;
  SlowInt8Engine engine_;
  Request request_;
  std::string original_;
};

TEST_F(Pipeline, ASlowerSmallerModelIsHandedBackAndSaysSo) {
  const Result<Outcome> outcome = optimize(request_, engine_, files_, {});
  ASSERT_OK(outcome);
  ASSERT_TRUE(outcome->chosen);
  EXPECT_EQ(outcome->variants[*outcome->chosen].name, "int8 static per-channel");
  EXPECT_TRUE(outcome->slower);
  EXPECT_NE(outcome->verdict.find("but slower than the original"), std::string::npos) << outcome->verdict;
  EXPECT_TRUE(to_json(*outcome, false).find("slower")->as_bool());
  EXPECT_NE(content("w/r.html").find(R"("slower":true)"), std::string::npos);
  EXPECT_LT(content("w/o.onnx").size(), original_.size());
  EXPECT_NE(content("w/o.card.json"), "");
}

TEST_F(Pipeline, NeverSlowerHandsTheOriginalBack) {
  request_.never_slower = true;
  const Result<Outcome> outcome = optimize(request_, engine_, files_, {});
  ASSERT_OK(outcome);
  EXPECT_FALSE(outcome->chosen);
  EXPECT_FALSE(outcome->success);
  EXPECT_FALSE(outcome->slower);
  EXPECT_EQ(content("w/o.onnx"), original_);
}

// The disk is full when everything is measured: nothing appears and what was there stays.
TEST_F(Pipeline, AFullDiskLeavesNothing) {
  EXPECT_TRUE(os::write_text(files_, "w/o.onnx", "old").has_value());
  request_.target = "browser";
  files_.fail_writes(true);
  EXPECT_ERROR(optimize(request_, engine_, files_, {}), Code::kIo, "No space left");
  EXPECT_EQ(content("w/o.onnx"), "old");
  EXPECT_EQ(content("w/o.card.json") + content("w/r.html"), "");
}

TEST_F(Pipeline, AStopIsCancelledAndWritesNothing) {
  Observer observer;
  observer.stop_requested = [] { return true; };
  EXPECT_ERROR(optimize(request_, engine_, files_, observer), Code::kCancelled, "");
  EXPECT_EQ(content("w/o.onnx"), "");
}

}  // namespace
}  // namespace arete::optimize
