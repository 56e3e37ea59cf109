#include "tests/conformance/cases.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "os/base/files.h"
#include "tests/support/python_models.h"

namespace arete::conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListHeader =
    "# What becomes of each official case (CASE: VERDICT). ARETE_UPDATE_GOLDEN=1 test_conformance tries them all and "
    "writes\n"
    "# this list; read the difference before you commit it. The test fails where the list and the truth differ.\n"
    "#   run             loaded, saved, rewritten and run: the same outputs\n"
    "#   not numeric     sequences, maps, optionals and strings: read, written and read again, no claim on runs\n"
    "#   engine cannot   ONNX Runtime does not open or run it, for the reason that it gives\n"
    "# In brackets how the official model was made runnable, where it is not by itself (make_cases.py: runnable()).\n";

// "2,3" or "-" for a scalar.
Shape parse_dims(const std::string& text) {
  Shape shape;
  std::istringstream dims(text == "-" ? "" : text);
  for (std::string dim; std::getline(dims, dim, ',');) shape.push_back(std::stoll(dim));
  return shape;
}

Result<Tensor> parse_strings(Shape shape, std::string_view content) {
  std::vector<std::string> strings;
  while (content.size() >= sizeof(std::uint32_t)) {
    std::uint32_t length = 0;
    std::memcpy(&length, content.data(), sizeof length);
    strings.emplace_back(content.substr(sizeof length, length));
    content.remove_prefix(std::min(content.size(), sizeof length + length));
  }
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

Result<Tensor> parse_tensor(int dtype_number, Shape shape, std::string_view content) {
  const std::optional<DType> dtype = dtype_from_onnx(dtype_number);
  if (!dtype) return Error{Code::kCorrupt, "no dtype " + std::to_string(dtype_number)};
  if (*dtype == DType::kString) return parse_strings(std::move(shape), content);
  return Tensor::wrap(*dtype, std::move(shape), share_bytes(std::string(content)));
}

// One line and its bytes (make_cases.py says the format), taken off `rest`.
Status take_tensor(std::string_view& rest, Case& made) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return Error{Code::kCorrupt, "cut short"};
  std::istringstream line{std::string(rest.substr(0, end))};
  std::string role;
  int dtype = 0;
  std::string dims;
  std::size_t size_bytes = 0;
  std::string name;
  line >> role >> dtype >> dims >> size_bytes >> std::ws;
  std::getline(line, name);
  rest.remove_prefix(end + 1);
  ASSIGN_OR_RETURN(Tensor tensor, parse_tensor(dtype, parse_dims(dims), rest.substr(0, size_bytes)));
  rest.remove_prefix(size_bytes);
  (role == "input" ? made.inputs : made.expected).push_back({name, std::move(tensor)});
  return {};
}

std::vector<std::string> parts_of_the_script() {
  std::vector<std::string> parts = {test::source_path("tests/conformance/ml_models.py")};
  const fs::path lib = test::source_path("build/venv/lib");
  if (!fs::exists(lib)) return parts;
  for (const auto& python : fs::directory_iterator(lib)) {
    const fs::path wheel = python.path() / "site-packages/onnx/version.py";
    if (fs::exists(wheel)) parts.push_back(wheel.string());
  }
  return parts;
}

}  // namespace

std::string cases_folder() { return test::python_models("tests/conformance/make_cases.py", parts_of_the_script()); }

Result<std::vector<CaseRow>> read_index(const std::string& folder) {
  std::ifstream file(folder + "/index.txt");
  if (!file) return Error{Code::kNotFound, folder + "/index.txt"};
  std::vector<CaseRow> rows;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    rows.push_back({line.substr(0, tab), line.substr(tab + 1)});
  }
  return rows;
}

Result<Case> read_case(const std::string& folder, const CaseRow& row) {
  const os::FileSystem& files = os::real_file_system();
  const std::string path = folder + "/" + row.name;
  Case made;
  ASSIGN_OR_RETURN(made.official, files.map(path + ".onnx"));
  made.runnable = made.official;
  if (!row.how.empty()) {
    ASSIGN_OR_RETURN(made.runnable, files.map(path + ".run.onnx"));
  }
  ASSIGN_OR_RETURN(const SharedBytes data, files.map(path + ".data"));
  std::string_view rest(reinterpret_cast<const char*>(data.view.data()), data.view.size());
  while (!rest.empty()) RETURN_IF_ERROR(take_tensor(rest, made));
  return made;
}

CaseList read_list() {
  CaseList list;
  std::ifstream file(test::source_path("tests/conformance/cases.txt"));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t colon = line.find(": ");
    list[line.substr(0, colon)] = colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return list;
}

void write_list(const CaseList& list) {
  std::ofstream file(test::source_path("tests/conformance/cases.txt"));
  file << kListHeader;
  for (const auto& [name, verdict] : list) file << name << ": " << verdict << "\n";
}

}  // namespace arete::conformance
