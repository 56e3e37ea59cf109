// read_info and optimize of the public interface; what they measure is tested in tests/optimize and tests/behaviour.
#include "arete/optimize.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "tests/api/models.h"

namespace {

namespace fs = std::filesystem;
using arete::Code;
using arete::OptimizeRequest;
using testing::ElementsAre;
using testing::HasSubstr;

// A folder of its own, gone with the test.
class ApiOptimize : public testing::Test {
 protected:
  ApiOptimize()
      : folder_(fs::path(testing::TempDir()) /
                ("api " + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
                 std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    request_.model_path = arete::test::source_path("examples/fashion/fashion.onnx");
    request_.output_path = path("small.onnx");
    request_.threads = 1;
  }
  ~ApiOptimize() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  bool is_empty() const { return fs::is_empty(folder_); }

  const fs::path folder_;
  OptimizeRequest request_;
};

TEST(ApiInfo, SaysWhatAModelHolds) {
  const std::string model = arete::test::source_path("examples/fashion/fashion.onnx");
  const auto info = arete::read_info(model);
  ASSERT_GOOD(info);
  ASSERT_EQ(info->inputs.size(), 1U);
  EXPECT_THAT(info->inputs[0].shape, ElementsAre(-1, 1, 28, 28));
  EXPECT_EQ(info->outputs.size(), 1U);
  EXPECT_EQ(info->size_bytes, fs::file_size(model));
  std::int64_t nodes = 0;
  for (const auto& [op, count] : info->ops) nodes += count;
  EXPECT_EQ(info->nodes, nodes);
  EXPECT_GT(info->macs.value_or(0), 1'000'000);
  EXPECT_EQ(info->weight_bytes, 4U * static_cast<std::uint64_t>(info->parameters));
  EXPECT_EQ(info->warning, "");
  EXPECT_THAT(info->json, HasSubstr("\"nodes\":" + std::to_string(nodes)));
  EXPECT_BAD(arete::read_info("nowhere.onnx"), Code::kNotFound, "nowhere.onnx");
  EXPECT_BAD(arete::read_info(arete::test::source_path("docs")), Code::kInvalid, "folder");
}

TEST_F(ApiOptimize, MakesAModelSmaller) {
  request_.target = "browser";
  request_.report_path = path("report.html");
  request_.verify_passes = true;
  std::vector<std::string> steps;
  request_.progress = [&](const std::string& step, std::int64_t, std::int64_t) {
    if (steps.empty() || steps.back() != step) steps.push_back(step);
  };
  const auto outcome = arete::optimize(request_);
  ASSERT_GOOD(outcome);
  EXPECT_TRUE(outcome->success) << outcome->verdict;
  EXPECT_EQ(outcome->model_path, request_.output_path);
  EXPECT_FALSE(steps.empty());
  EXPECT_EQ(outcome->original.name, "original");
  EXPECT_EQ(outcome->original.size_bytes, fs::file_size(request_.model_path));
  EXPECT_FALSE(outcome->original.speedup.has_value());
  int chosen = 0;
  for (const arete::Variant& variant : outcome->variants) {
    EXPECT_NE(variant.why, "");
    if (!variant.chosen) continue;
    ++chosen;
    EXPECT_EQ(variant.size_bytes, fs::file_size(request_.output_path));
    EXPECT_GT(variant.latency_ms_p50.value_or(0), 0);
    EXPECT_GT(variant.speedup.value_or(0), 0);
    EXPECT_FALSE(variant.accuracy.has_value());  // no labels were given
  }
  EXPECT_EQ(chosen, 1);
  EXPECT_THAT(outcome->json, HasSubstr("\"verdict\":\"" + outcome->verdict + "\""));
  EXPECT_THAT(outcome->json, testing::Not(HasSubstr("\"passes_compared_on\":0")));
  EXPECT_TRUE(fs::exists(path("small.card.json")));
  EXPECT_TRUE(fs::exists(request_.report_path));
  EXPECT_TRUE(arete::Model::open(outcome->model_path).has_value());
}

TEST_F(ApiOptimize, StopsWhenAskedAndLeavesNothing) {
  int asked = 0;
  request_.stop_requested = [&] { return ++asked > 3; };
  EXPECT_BAD(arete::optimize(request_), Code::kCancelled, "stopped");
  EXPECT_TRUE(is_empty());
}

TEST_F(ApiOptimize, WhatACallbackThrowsComesOut) {
  request_.progress = [](const std::string&, std::int64_t, std::int64_t) { throw std::runtime_error("mine"); };
  EXPECT_THROW((void)arete::optimize(request_), std::runtime_error);
  EXPECT_TRUE(is_empty());
}

TEST_F(ApiOptimize, WrongRequestsAreNamed) {
  const auto with = [&](auto change) {
    OptimizeRequest changed = request_;
    change(changed);
    return arete::optimize(changed);
  };
  EXPECT_BAD(with([](auto& r) { r.model_path = "nowhere.onnx"; }), Code::kNotFound, "nowhere.onnx");
  EXPECT_BAD(with([](auto& r) { r.target = "toaster"; }), Code::kNotFound, "toaster");
  EXPECT_BAD(with([](auto& r) { r.level = "reckless"; }), Code::kNotFound, "reckless");
  EXPECT_BAD(with([](auto& r) { r.precision = "int3"; }), Code::kInvalid, "int3");
  EXPECT_BAD(with([](auto& r) { r.disabled_passes = {"fold_laundry"}; }), Code::kNotFound, "fold_laundry");
  EXPECT_BAD(with([](auto& r) { r.max_accuracy_drop_points = -1; }), Code::kInvalid, "max_accuracy_drop_points");
  EXPECT_BAD(with([](auto& r) { r.max_accuracy_drop_points = 0.0 / 0.0; }), Code::kInvalid, "max_accuracy_drop_points");
  EXPECT_BAD(with([](auto& r) { r.output_path = r.model_path; }), Code::kInvalid, "overwrite");
  EXPECT_BAD(with([](auto& r) { r.output_path = ""; }), Code::kInvalid, "output_path is empty");
  EXPECT_BAD(with([](auto& r) { r.card_path = "no.card.json"; }), Code::kNotFound, "no.card.json");
  EXPECT_BAD(with([](auto& r) { r.threads = -1; }), Code::kInvalid, "threads");
  EXPECT_TRUE(is_empty());
}

}  // namespace
