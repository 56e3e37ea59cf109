// The report as JSON: what stands in it, and null where there is no number.
#include "proof/report.h"

#include <gtest/gtest.h>

#include "tests/support/assert.h"

namespace arete::proof {
namespace {

Report sample_report() {
  Report report;
  report.device = {"a CPU (AVX2)", "onnxruntime", "1.31.1", 2};
  report.original = {"net.onnx", 1000, 3.5, 4096};
  report.candidate = {"net-int8.onnx", 250, 2.5, 0};
  report.latency.speedup = 0.8;
  report.latency.speedup_interval = {0.79, 0.81};
  report.latency.pairs = 30;
  report.latency.original.samples_ms = {1, 2};
  OutputDifference output("y");
  EXPECT_TRUE(output.add(Tensor::scalar(10.0F), Tensor::scalar(11.0F)).has_value());
  report.agreement.outputs.push_back(output);
  report.agreement.samples = 1;
  return report;
}

TEST(Report, BecomesJson) {
  Report report = sample_report();
  report.agreement.top1 = 0.5;
  report.agreement.accuracy = PairedAccuracy{90, 3, 1, 6};
  report.control = Measured();
  report.control->speedup_interval = {0.9, 1.1};
  const Json json = to_json(report);
  EXPECT_EQ(*json.get_number("size_reduction"), 0.75);
  EXPECT_TRUE(json.find("too_noisy")->as_bool());
  const Json& latency = *json.find("latency");
  EXPECT_TRUE(latency.find("slower")->as_bool());
  EXPECT_EQ(latency.find("speedup_interval")->as_array()[1].as_double(), 0.81);
  EXPECT_EQ(latency.find("original")->find("samples_ms"), nullptr);
  const Json& agreement = *json.find("agreement");
  EXPECT_EQ(*agreement.get_number("agreement"), 0.5);
  EXPECT_NEAR(*agreement.get_number("sqnr_db"), 20, 1e-9);
  const Json& accuracy = *agreement.find("accuracy");
  EXPECT_NEAR(*accuracy.get_number("delta_points"), -2, 1e-9);
  EXPECT_TRUE(accuracy.find("weak")->as_bool());
  // It is JSON that parses again.
  ASSERT_OK(Json::parse(json.dump()));
}

TEST(Report, HasNullWhereThereIsNoNumber) {
  Report report = sample_report();
  report.agreement.outputs.clear();
  const Json json = to_json(report);
  const Json& agreement = *json.find("agreement");
  for (const char* key : {"agreement", "accuracy", "sqnr_db", "failure"}) {
    EXPECT_TRUE(agreement.find(key)->is_null()) << key;
  }
  EXPECT_TRUE(agreement.find("exact")->as_bool());
  EXPECT_TRUE(json.find("control")->is_null());
  EXPECT_FALSE(json.find("too_noisy")->as_bool());
  EXPECT_EQ(to_json(report.latency, true).find("original")->find("samples_ms")->as_array().size(), 2U);
}

}  // namespace
}  // namespace arete::proof
