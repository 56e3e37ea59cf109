// The real models that are at hand, with seeded inputs: what is loaded, rewritten, saved and run gives the same.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "os/base/files.h"
#include "proof/random_inputs.h"
#include "tests/conformance/trial.h"
#include "tests/support/assert.h"

namespace arete::conformance {
namespace {

namespace fs = std::filesystem;
using Tally = std::map<std::string, int>;

// Random numbers are no sound of a rate that the voice detector knows.
std::vector<NamedTensor> voice_inputs() {
  Tensor sound = *Tensor::zeros(DType::kFloat32, {1, 512});
  float at = 0;
  for (float& value : sound.mutable_data<float>()) value = 0.5F * std::sin(at += 0.2F);
  return {{"input", sound},
          {"state", *Tensor::zeros(DType::kFloat32, {2, 1, 128})},
          {"sr", Tensor::scalar<std::int64_t>(16000)}};
}

Result<std::vector<NamedTensor>> inputs_for(engine::Engine& engine, const std::string& path, const SharedBytes& bytes) {
  if (path.ends_with("silero_vad.onnx")) return voice_inputs();
  engine::SessionOptions options;
  options.threads = 1;
  ASSIGN_OR_RETURN(const auto session, engine.open({bytes, "", path}, options));
  return proof::random_inputs(session->inputs(), 7);
}

void check_model(engine::Engine& engine, const std::string& path, Tally& tally) {
  SCOPED_TRACE(path);
  const Result<SharedBytes> bytes = os::real_file_system().map(path);
  ASSERT_OK(bytes);
  const Result<graph::ReadModel> read = read_and_verify(*bytes);
  ASSERT_OK(read);
  EXPECT_EQ(round_trip_fault(read->model), "");
  const auto inputs = inputs_for(engine, path, *bytes);
  ASSERT_OK(inputs);
  Trial trial(engine, *bytes, *inputs);
  ASSERT_EQ(trial.judge(read), "run");
  for (const RewriteRow& rewrite : all_rewrites()) EXPECT_EQ(trial.check(rewrite, read->model), "");
  EXPECT_EQ(trial.check_saved_as_users_run_it(*read), "");
  for (const auto& [what, count] : trial.tally()) tally[what] += count;
}

TEST(RealModels, FashionRunsAlike) {
  Tally tally;
  check_model(*make_engine(), test::source_path("examples/fashion/fashion.onnx"), tally);
}

TEST(RealModels, RunAlike) {
  if (test::data_folder().empty()) GTEST_SKIP() << "SKIP: no data";
  const auto engine = make_engine();
  Tally tally;
  int models = 0;
  for (const auto& entry : fs::recursive_directory_iterator(test::data_folder())) {
    if (entry.path().extension() != ".onnx") continue;
    check_model(*engine, entry.path().string(), tally);
    ++models;
  }
  EXPECT_GT(models, 0);
  std::cout << "conformance: " << models << " real models run\n";
  for (const auto& [what, count] : tally) std::cout << "  " << count << " " << what << "\n";
}

}  // namespace
}  // namespace arete::conformance
