// The models that the official Python package carries (onnx/backend/test/data): each is read, verified,
// written and read back, or refused for a reason that stands below.
#include <filesystem>
#include <map>

#include "graph/official.h"
#include "graph/summary.h"
#include "graph/text.h"
#include "os/base/files.h"
#include "tests/graph/wire.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

namespace fs = std::filesystem;

// Model -> words of its refusal.
const std::map<std::string, std::string> kRefused = {};

fs::path test_data() {
  const fs::path lib = test::source_path("build/venv/lib");
  if (!fs::exists(lib)) return {};
  for (const auto& entry : fs::directory_iterator(lib)) {
    const fs::path data = entry.path() / "site-packages/onnx/backend/test/data";
    if (fs::exists(data)) return data;
  }
  return {};
}

// Opsets before 7 are refused by design, with words that say what to do.
bool is_too_old(const fs::path& path) {
  const Result<SharedBytes> file = os::real_file_system().map(path.string());
  if (!file) return false;
  const auto read = test::load({reinterpret_cast<const char*>(file->view.data()), file->view.size()});
  return !read && read.error().code == Code::kUnsupported &&
         read.error().message.find("is older than 7") != std::string::npos;
}

void check_model(const fs::path& path) {
  const ReadOptions options = {[&](const std::string& location) {
    return os::real_file_system().map((path.parent_path() / location).string());
  }};
  const Result<SharedBytes> file = os::real_file_system().map(path.string());
  ASSERT_OK(file);
  const std::string_view bytes(reinterpret_cast<const char*>(file->view.data()), file->view.size());
  const Result<ReadModel> read = test::load(bytes, options);
  ASSERT_OK(read);
  const Result<WrittenModel> written = write_onnx(read->model);
  ASSERT_OK(written);
  const Result<ReadModel> again = test::load(written->bytes);
  ASSERT_OK(again);
  EXPECT_EQ(to_text(again->model), to_text(read->model));
  EXPECT_EQ(write_onnx(again->model)->bytes, written->bytes);
  test::expect_text_reads_back(read->model);
  EXPECT_GE(summarise(read->model).nodes, 0);
}

TEST(OfficialModels, AreReadWrittenAndReadAgain) {
  const fs::path data = test_data();
  if (data.empty()) GTEST_SKIP() << "SKIP: no test venv";
  int read = 0;
  int refused = 0;
  int too_old = 0;
  for (const auto& entry : fs::recursive_directory_iterator(data)) {
    if (entry.path().extension() != ".onnx") continue;
    const std::string name = fs::relative(entry.path(), data).string();
    SCOPED_TRACE(name);
    if (is_too_old(entry.path())) {
      ++too_old;
      continue;
    }
    const auto row = kRefused.find(name);
    if (row == kRefused.end()) {
      check_model(entry.path());
      ++read;
      continue;
    }
    const Result<SharedBytes> file = os::real_file_system().map(entry.path().string());
    ASSERT_OK(file);
    EXPECT_ERROR(test::load({reinterpret_cast<const char*>(file->view.data()), file->view.size()}), Code::kUnsupported,
                 row->second);
    ++refused;
  }
  std::cout << read << " models read, " << refused << " refused, " << too_old << " older than opset 7\n";
  EXPECT_GE(read, 30);  // of 149 stored models most were exported at opset 6
  EXPECT_EQ(static_cast<std::size_t>(refused), kRefused.size());
}

}  // namespace
}  // namespace arete::graph
