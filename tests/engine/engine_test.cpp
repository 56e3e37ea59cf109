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

// A model without nodes whose weights lie in `locations`.
std::string model_with_external(const std::vector<std::string>& locations) {
  const auto field = [](char tag, const std::string& content) {
    return std::string{tag, static_cast<char>(content.size())} + content;
  };
  std::string graph;
  for (const std::string& location : locations)
    graph += field(0x2A, field(0x6A, field(0x0A, "location") + field(0x12, location)));
  return field(0x3A, graph);
}

TEST(ModelSource, ComesFromFilesWithItsExternalData) {
  os::MemoryFileSystem files;
  ASSERT_OK(os::write_text(files, "b/m.onnx", model_with_external({"w.bin", "below/v.bin", "w.bin"})));
  ASSERT_OK(os::write_text(files, "b/w.bin", "weights"));
  ASSERT_OK(os::write_text(files, "b/below/v.bin", "more"));
  ASSERT_OK(os::write_text(files, "b/other.bin", "of no model"));
  const auto source = ModelSource::from_files(files, "b/m.onnx");
  ASSERT_OK(source);
  EXPECT_EQ(source->folder, "");
  EXPECT_EQ(source->name, "b/m.onnx");
  ASSERT_EQ(source->external.size(), 2U);
  EXPECT_EQ(source->external.at("w.bin").view.size(), 7U);
  EXPECT_EQ(source->external.at("below/v.bin").view.size(), 4U);
  EXPECT_EQ(source->size_bytes(), source->bytes.view.size() + 11);
}

TEST(ModelSource, FromFilesReadsNothingElse) {
  os::MemoryFileSystem files;
  ASSERT_OK(os::write_text(files, "outside.bin", "secret"));
  ASSERT_OK(os::write_text(files, "b/up.onnx", model_with_external({"../outside.bin"})));
  ASSERT_OK(os::write_text(files, "b/gone.onnx", model_with_external({"gone.bin"})));
  ASSERT_OK(os::write_text(files, "b/text.onnx", "no model"));
  EXPECT_ERROR(ModelSource::from_files(files, "b/up.onnx"), Code::kUntrusted, "b/up.onnx: ");
  EXPECT_ERROR(ModelSource::from_files(files, "b/gone.onnx"), Code::kNotFound, "gone.bin");
  EXPECT_ERROR(ModelSource::from_files(files, "b/text.onnx"), Code::kCorrupt, "b/text.onnx: ");
  EXPECT_ERROR(ModelSource::from_files(files, "b/none.onnx"), Code::kNotFound, "none.onnx");
}

TEST(Host, ResolvesThreads) {
  EXPECT_GE(*resolve_threads(0), 1);
  EXPECT_EQ(*resolve_threads(3), 3);
  EXPECT_ERROR(resolve_threads(-1), Code::kInvalid, "-1 threads");
  EXPECT_ERROR(resolve_threads(kMaxThreads + 1), Code::kInvalid, "from 1 to 1024");
}

}  // namespace
}  // namespace arete::engine
