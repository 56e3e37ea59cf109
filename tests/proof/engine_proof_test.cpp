// Proof over real sessions: a model against itself and against a rounded form of it.
#include <gtest/gtest.h>

#include "engine/onnxruntime/onnxruntime.h"
#include "proof/accuracy.h"
#include "proof/latency.h"
#include "proof/opened.h"
#include "proof/random_inputs.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"

namespace arete::proof {
namespace {

class EngineProof : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_MODELS(folder_);
    auto made = engine::make_onnxruntime({{std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"}});
    ASSERT_OK(made);
    engine_ = std::move(*made);
  }

  std::unique_ptr<engine::Session> open(const std::string& name) {
    const auto source = engine::ModelSource::from_file(os::real_file_system(), folder_ + "/" + name + ".onnx");
    EXPECT_TRUE(source.has_value());
    engine::SessionOptions options;
    options.threads = 1;
    Result<Opened> opened = open_measured(*engine_, *source, options);
    EXPECT_TRUE(opened.has_value());
    EXPECT_GT(opened->load_ms, 0);
    EXPECT_GE(opened->resident_growth_bytes, 0);
    return std::move(opened->session);
  }

  std::string folder_ = test::python_models("tests/engine/make_models.py");
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(EngineProof, ComparesAModelWithItsQuantisedForm) {
  const auto original = open("weight_only");
  const auto same = open("weight_only");
  const auto quantised = open("static_int8");
  const auto samples = random_samples(original->inputs(), 1, 64);
  ASSERT_OK(samples);
  engine::Session* const candidates[] = {same.get(), quantised.get()};
  const auto result = compare_outputs(*original, candidates, **samples, {});
  ASSERT_OK(result);
  EXPECT_EQ(result->samples, 64);
  EXPECT_TRUE(result->candidates[0].is_exact());
  EXPECT_FALSE(result->candidates[1].is_exact());
  EXPECT_FALSE(result->candidates[1].top1.has_value());  // [N,8,8,8] is no list of scores
  // Inputs below 0 are cut off by its zero point, so it is far off, but related.
  EXPECT_GT(*result->candidates[1].sqnr_db(), 0);
  EXPECT_LT(*result->candidates[1].sqnr_db(), 20);
}

TEST_F(EngineProof, MeasuresAPairOfSessions) {
  const OpenSession model = [this]() -> Result<std::unique_ptr<engine::Session>> { return open("weight_only"); };
  const auto inputs = random_inputs(open("weight_only")->inputs(), 1);
  ASSERT_OK(inputs);
  LatencyOptions options;
  options.budget_ns = 500'000'000;
  const auto measured = measure_latency(model, model, *inputs, options);
  ASSERT_OK(measured);
  EXPECT_GE(measured->pairs, 2);
  EXPECT_GE(measured->rounds, 1);
  EXPECT_GT(measured->original.p50_ms, 0);
  // The machine may be busy: a wide bound, but a model is not twice as fast as itself.
  EXPECT_NEAR(measured->speedup, 1.0, 0.5);
  const std::vector<NamedTensor> wrong = {{"y", Tensor::scalar(1.0F)}};
  EXPECT_ERROR(measure_latency(model, model, wrong, options), Code::kInvalid, "the original: input 'x'");
}

}  // namespace
}  // namespace arete::proof
