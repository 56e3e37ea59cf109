// engine.h's own parts: what a run must be given, and models as bytes.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include "engine/host.h"
#include "os/base/memory_files.h"
#include "tests/support/assert.h"

namespace arete::engine {
namespace {

const std::vector<ValueInfo> kWanted = {{"image", DType::kFloat32, {-1, 3, 8, 8}}, {"any", DType::kInt64, {}, false}};

std::vector<NamedTensor> good_inputs() {
  return {{"any", Tensor::of<std::int64_t>({2, 2}, {1, 2, 3, 4})},
          {"image", *Tensor::zeros(DType::kFloat32, {5, 3, 8, 8})}};
}

TEST(CheckInputs, TakesAnyOrderAndDynamicSizes) { ASSERT_OK(check_inputs(kWanted, good_inputs())); }

TEST(CheckInputs, NamesWhatIsWrong) {
  std::vector<NamedTensor> inputs = good_inputs();
  inputs.erase(inputs.begin());
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid, "input 'any' (int64[...]) is missing");
  inputs = good_inputs();
  inputs[1].tensor = *Tensor::zeros(DType::kFloat64, {5, 3, 8, 8});
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid,
               "input 'image' wants float32[?,3,8,8], got float64[5,3,8,8]");
  inputs[1].tensor = *Tensor::zeros(DType::kFloat32, {5, 3, 8});
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid, "got float32[5,3,8]");
  inputs[1].tensor = *Tensor::zeros(DType::kFloat32, {5, 3, 8, 9});
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid, "got float32[5,3,8,9]");
  inputs = good_inputs();
  inputs.push_back({"mask", Tensor::scalar(1.0F)});
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid, "the model has no input 'mask'; it has 'image', 'any'");
  inputs = good_inputs();
  inputs.push_back(inputs[0]);
  EXPECT_ERROR(check_inputs(kWanted, inputs), Code::kInvalid, "an input stands twice");
  EXPECT_ERROR(check_inputs({}, inputs), Code::kInvalid, "it has none");
}

TEST(ModelSource, ComesFromAFileWithItsFolder) {
  os::MemoryFileSystem files;
  ASSERT_OK(os::write_text(files, "models/net.onnx", "bytes"));
  ASSERT_OK(os::write_text(files, "bare.onnx", "x"));
  const auto source = ModelSource::from_file(files, "models/net.onnx");
  ASSERT_OK(source);
  EXPECT_EQ(source->bytes.view.size(), 5U);
  EXPECT_EQ(source->folder, "models");
  EXPECT_EQ(source->name, "models/net.onnx");
  EXPECT_EQ(ModelSource::from_file(files, "bare.onnx")->folder, ".");
  EXPECT_ERROR(ModelSource::from_file(files, "none.onnx"), Code::kNotFound, "none.onnx");
  EXPECT_ERROR(ModelSource::from_file(files, "models"), Code::kInvalid, "is a folder");
}

TEST(Host, ResolvesThreads) {
  EXPECT_GE(*resolve_threads(0), 1);
  EXPECT_EQ(*resolve_threads(3), 3);
  EXPECT_ERROR(resolve_threads(-1), Code::kInvalid, "-1 threads");
  EXPECT_ERROR(resolve_threads(kMaxThreads + 1), Code::kInvalid, "from 1 to 1024");
}

}  // namespace
}  // namespace arete::engine
