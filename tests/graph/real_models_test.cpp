// Every real model that is at hand reads, verifies, writes and reads back as the same text.
#include <filesystem>

#include "graph/official.h"
#include "graph/onnx_io.h"
#include "graph/summary.h"
#include "graph/text.h"
#include "graph/verifier.h"
#include "os/base/files.h"
#include "tests/graph/wire.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

std::vector<std::string> real_models() {
  std::vector<std::string> paths = {test::source_path("examples/fashion/fashion.onnx")};
  if (!test::data_folder().empty()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(test::data_folder())) {
      if (entry.path().extension() == ".onnx") paths.push_back(entry.path().string());
    }
  }
  return paths;
}

TEST(RealModels, RoundTrip) {
  for (const std::string& path : real_models()) {
    SCOPED_TRACE(path);
    const Result<SharedBytes> bytes = os::real_file_system().map(path);
    ASSERT_OK(bytes);
    Result<ReadModel> read = read_onnx(bytes->view);
    ASSERT_OK(read);
    ASSERT_OK(verify(read->model));
    const Result<WrittenModel> written = write_onnx(read->model);
    ASSERT_OK(written);
    const Result<ReadModel> again = read_onnx(std::as_bytes(std::span(written->bytes)));
    ASSERT_OK(again);
    EXPECT_EQ(to_text(read->model), to_text(again->model));
    EXPECT_EQ(write_onnx(again->model)->bytes, written->bytes);
    test::expect_text_reads_back(read->model);
    EXPECT_GT(summarise(read->model).nodes, 0);
  }
}

TEST(RealModels, ConvertToQuantisableOpset) {
  for (const std::string& path : real_models()) {
    SCOPED_TRACE(path);
    const Result<ReadModel> read = read_onnx(os::real_file_system().map(path)->view);
    ASSERT_OK(read);
    const Result<Model> converted = convert_opset(read->model, 13);
    if (!converted) {
      EXPECT_EQ(converted.error().code, Code::kUnsupported) << converted.error().message;
      continue;
    }
    EXPECT_GE(converted->opset(), 13);
    EXPECT_EQ(converted->graph.weights.size() >= read->model.graph.weights.size(), true);
    ASSERT_OK(verify(*converted));
  }
}

}  // namespace
}  // namespace arete::graph
