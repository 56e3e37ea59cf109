// Models read and written come out as they went in: every dtype in both storages bit by bit, and
// everything else message by message (compare_models.py), in the test venv's own words.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "graph/official.h"
#include "graph/op_table.h"
#include "graph/text.h"
#include "os/base/files.h"
#include "tests/graph/wire.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"

namespace arete::graph {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string content_of(const fs::path& path) {
  const Result<std::string> content = os::read_file(os::real_file_system(), path.string(), 1 << 30);
  return content ? *content : "";
}

ReadOptions beside(const fs::path& path) {
  return {[folder = path.parent_path()](const std::string& location) {
    return os::real_file_system().map((folder / location).string());
  }};
}

// Reads each model of a folder, writes it to another of the same name and lets Python compare.
void expect_equal_after_rewriting(const fs::path& originals) {
  const fs::path rewritten = fs::path(ARETE_BINARY_DIR) / "test_models" /
                             ("rewritten_" + originals.filename().string() + std::to_string(::getpid()));
  fs::create_directories(rewritten);
  for (const fs::path& path : models_in(originals)) {
    SCOPED_TRACE(path);
    const Result<ReadModel> read = test::load(content_of(path), beside(path));
    ASSERT_OK(read);
    const Result<WrittenModel> written = write_onnx(read->model);
    ASSERT_OK(written);
    std::ofstream(rewritten / path.filename(), std::ios::binary) << written->bytes;
    const Result<ReadModel> again = test::load(written->bytes);
    ASSERT_OK(again);
    EXPECT_EQ(to_text(again->model), to_text(read->model));
    EXPECT_EQ(write_onnx(again->model)->bytes, written->bytes);
    test::expect_text_reads_back(read->model);
  }
  const std::string command = "'" + test::source_path("build/venv/bin/python") + "' '" +
                              test::source_path("tests/graph/compare_models.py") + "' '" + originals.string() + "' '" +
                              rewritten.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  fs::remove_all(rewritten);
}

TEST(RoundTrip, EveryDtypeInBothStorages) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  std::size_t count = 0;
  for (const fs::path& path : models_in(fs::path(folder) / "dtypes")) {
    SCOPED_TRACE(path);
    const Result<ReadModel> read = test::load(content_of(path));
    ASSERT_OK(read);
    const Tensor& tensor = read->model.graph.weights.at(0).tensor;
    const std::string wanted = content_of(fs::path(path).replace_extension(".bin"));
    ASSERT_EQ(tensor.size_bytes(), wanted.size());
    EXPECT_EQ(std::memcmp(tensor.bytes().data(), wanted.data(), wanted.size()), 0);
    ++count;
  }
  EXPECT_EQ(count, 2U * (kDTypeCount - 2));  // all but undefined and string
  expect_equal_after_rewriting(fs::path(folder) / "dtypes");
}

TEST(RoundTrip, OddModels) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  expect_equal_after_rewriting(fs::path(folder) / "odd");
}

TEST(RoundTrip, EveryOpset) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  for (std::int64_t opset = kOldestOpset; opset <= newest_opset(""); ++opset) {
    SCOPED_TRACE(opset);
    const fs::path path = fs::path(folder) / "opsets" / ("opset_" + std::to_string(opset) + ".onnx");
    const Result<ReadModel> read = test::load(content_of(path));
    ASSERT_OK(read);
    EXPECT_EQ(read->model.opset(), opset);
    EXPECT_EQ(official_complaint(read->model), std::nullopt);
    const Result<Model> converted = convert_opset(read->model, 13);
    ASSERT_OK(converted);
    EXPECT_EQ(converted->opset(), std::max<std::int64_t>(opset, 13));
    EXPECT_EQ(official_complaint(*converted), std::nullopt);
  }
  expect_equal_after_rewriting(fs::path(folder) / "opsets");
}

TEST(RoundTrip, StringTensors) {
  Tensor strings = *Tensor::of_strings({2, 2}, {"", std::string("\0\xff", 2), "\u4e16\u754c", std::string(1000, 'x')});
  Model model;
  model.opsets.push_back({"", 17});
  model.graph.weights.push_back({"s", strings, ""});
  const Result<WrittenModel> written = write_onnx(model);
  ASSERT_OK(written);
  const Result<ReadModel> read = test::load(written->bytes);
  ASSERT_OK(read);
  EXPECT_TRUE(std::ranges::equal(read->model.graph.weights.at(0).tensor.strings(), strings.strings()));
}

TEST(RoundTrip, InitialisersThatAreInputsAreFrozenAndReported) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  const Result<ReadModel> read = test::load(content_of(fs::path(folder) / "odd" / "old.onnx"));
  ASSERT_OK(read);
  EXPECT_EQ(read->frozen_inputs, (std::vector<std::string>{"w", "b", "w2", "add", "scale", "shift", "mean", "var"}));
  ASSERT_EQ(read->model.graph.inputs.size(), 1U);
  EXPECT_EQ(read->model.graph.inputs[0].name, "x");
  EXPECT_EQ(read->model.ir_version, 4);
}

// Every text is another one than its neighbour's: what differs shows.
TEST(Text, ShowsEverything) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  const auto text_of = [&](const char* name) {
    return to_text(test::load(content_of(fs::path(folder) / "odd" / name))->model);
  };
  const auto expect_lines = [](const std::string& text, const std::vector<std::string>& lines) {
    for (const std::string& line : lines)
      EXPECT_NE(text.find(line), std::string::npos) << "no '" << line << "' in\n" << text;
  };
  expect_lines(text_of("documented.onnx"), {"producer \"by hand\" \"1.0\"", "metadata author = \"\u00e9\u4e16\"",
                                            "input x: float32[N,2,8,8] extra fnv1a=", "value c: float32[N,4,4,4]",
                                            "name=conv1 extra fnv1a=", "graph g { extra fnv1a="});
  expect_lines(text_of("typed_values.onnx"),
               {"input seq: \"sequence(float32[N,2])\"", "input opt: \"optional(sequence(float32[N,2]))\"",
                "input map: \"map(int64,sequence(string[...]))\"", "input sparse: \"sparse(float32[3,K])\"",
                "input x: float32[N,3,8,8] extra fnv1a=", "value seen: ? extra fnv1a="});
  expect_lines(text_of("attributes.onnx"),
               {"y, -, z = com.example.Anything(x, -, x) {", "f=1.5", "i=-3", "s=\"\\x00\\xff bytes\"", "fs=[0.5,nan]",
                "ints=[1,-4611686018427387904]", "strings=[\"\",\"a\"]", "empty=[]",
                "tp=opaque 13 fnv1a=", " overload=v2 name=odd", "g = sub {", "k = com.example.more.Other()"});
  expect_lines(text_of("functions.onnx"),
               {"function our Inner fnv1a=", "function our Outer fnv1a=", "y = our.Inner(m, x) {slope=0.25}"});
  expect_lines(text_of("sparse.onnx"), {"weight s: sparse", "sparse_value=opaque 11 fnv1a="});
  expect_lines(text_of("names.onnx"),
               {"\"with \\\"quotes\\\"\"", "\"new\\x0aline\"", "float32[\"batch size\",\"a \\\"dim\\\"\"]"});
}

TEST(Text, NumbersTellAllValuesApart) {
  Model model;
  const auto text_of = [&](const Tensor& tensor) {
    model.graph.weights = {{"w", tensor, ""}};
    return to_text(model);
  };
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  EXPECT_NE(text_of(Tensor::scalar<std::int64_t>(big)), text_of(Tensor::scalar<std::int64_t>(big - 1)));
  EXPECT_NE(text_of(Tensor::scalar<double>(0.1)), text_of(Tensor::scalar<double>(0.1 + 1e-17 * 2)));
  EXPECT_NE(text_of(Tensor::scalar<std::int32_t>(2147483647)), text_of(Tensor::scalar<std::int32_t>(2147483646)));
  EXPECT_NE(text_of(*Tensor::of_strings({1}, {"a"})), text_of(*Tensor::of_strings({1}, {"b"})));
  std::vector<std::string> many(9, "same");
  const std::string before = text_of(*Tensor::of_strings({9}, many));
  many.back() = "other";
  EXPECT_NE(text_of(*Tensor::of_strings({9}, many)), before);
}

// --- external data --------------------------------------------------------------------------------

// Weight of 3 floats in an external file, as its key-value pairs say.
std::string external_weight(const std::vector<std::pair<std::string, std::string>>& place) {
  std::string entries = test::number(14, 1);
  for (const auto& [key, value] : place) entries += test::bytes(13, test::bytes(1, key) + test::bytes(2, value));
  return test::model(test::in_graph_weight(test::tensor("w", 1, {3}, entries)));
}

// A folder with one file of 20 bytes.
ReadOptions one_file() {
  return {[](const std::string& location) -> Result<SharedBytes> {
    if (location != "w.bin") return Error{Code::kNotFound, "there is no file '" + location + "'"};
    return share_bytes(std::string("aaaabbbbccccddddeeee"));
  }};
}

TEST(ExternalData, PlacesAreChecked) {
  struct Row {
    std::vector<std::pair<std::string, std::string>> place;
    Code code;
    std::string message;
  };
  const std::string head = "initializer 'w': ";
  const auto refused = [&](const std::string& location) {
    return Row{{{"location", location}},
               Code::kUntrusted,
               head + "external data '" + location +
                   "': only files in the model's own folder are read; put it beside the "
                   "model and save that with a relative location"};
  };
  const std::vector<Row> table = {
      refused("/etc/passwd"),
      refused("../secret"),
      refused("sub/../../secret"),
      refused(".."),
      refused("sub/.."),
      refused("..\\secret"),
      refused("C:\\secret"),
      refused(std::string("w.bin\0.txt", 10)),
      {{}, Code::kInvalid, head + "external data without a location"},
      {{{"location", ""}}, Code::kInvalid, head + "external data without a location"},
      {{{"location", "gone.bin"}}, Code::kNotFound, head + "there is no file 'gone.bin'"},
      {{{"location", "w.bin"}, {"offset", "12"}},
       Code::kInvalid,
       head + "its data (12 bytes at 12) does not fit 'w.bin' of 20 bytes"},
      {{{"location", "w.bin"}, {"offset", "18446744073709551615"}},
       Code::kInvalid,
       head + "its data (12 bytes at 18446744073709551615) does not fit 'w.bin' of 20 bytes"},
      {{{"location", "w.bin"}, {"offset", "18446744073709551616"}},
       Code::kInvalid,
       head + "external data: offset '18446744073709551616' is no number"},
      {{{"location", "w.bin"}, {"offset", "-4"}}, Code::kInvalid, head + "external data: offset '-4' is no number"},
      {{{"location", "w.bin"}, {"length", "11"}},
       Code::kInvalid,
       head + "its data (12 bytes at 0) does not fit 'w.bin' of 20 bytes"},
      {{{"location", "w.bin"}, {"length", "x"}}, Code::kInvalid, head + "external data: length 'x' is no number"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.message);
    const Result<ReadModel> read = test::load(external_weight(row.place), one_file());
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(describe(read.error().code).name, describe(row.code).name);
    EXPECT_EQ(read.error().message, row.message);
  }
  EXPECT_ERROR(test::load(external_weight({{"location", "w.bin"}})), Code::kInvalid,
               "initializer 'w': its data lies in 'w.bin', but this model was not read from a folder");
}

TEST(ExternalData, IsReadWhereItLies) {
  for (const char* offset : {"0", "4", "8"}) {
    const Result<ReadModel> read =
        test::load(external_weight({{"location", "w.bin"}, {"offset", offset}, {"length", "12"}}), one_file());
    ASSERT_OK(read);
    EXPECT_EQ(read->external_files, (std::map<std::string, std::uint64_t>{{"w.bin", 12}}));
    EXPECT_EQ(static_cast<char>(read->model.graph.weights.at(0).tensor.bytes()[0]),
              static_cast<char>('a' + (*offset - '0') / 4));
  }
  ASSERT_OK(test::load(external_weight({{"location", "w.bin"}, {"checksum", "?"}, {"offset", "8"}}), one_file()));
}

// What is reported is what was read, or an output could overwrite it unseen.
TEST(ExternalData, OfTwoLocationsTheLastIsReadAndReported) {
  const auto read = test::load(external_weight({{"location", "other.bin"}, {"location", "w.bin"}}), one_file());
  ASSERT_OK(read);
  EXPECT_EQ(read->external_files, (std::map<std::string, std::uint64_t>{{"w.bin", 12}}));
}

TEST(ExternalData, EachFileIsLoadedOnce) {
  std::string graph;
  for (int i = 0; i < 100; ++i) {
    const std::string place =
        test::number(14, 1) + test::bytes(13, test::bytes(1, "location") + test::bytes(2, i % 2 == 0 ? "a" : "b"));
    graph += test::in_graph_weight(test::tensor("w" + std::to_string(i), 1, {3}, place));
  }
  int loads = 0;
  const ReadOptions options = {[&](const std::string&) -> Result<SharedBytes> {
    ++loads;
    return share_bytes(std::string(12, 'x'));
  }};
  ASSERT_OK(test::load(test::model(graph), options));
  EXPECT_EQ(loads, 2);
}

TEST(ExternalData, OfTheOfficialPackage) {
  const std::string folder = test::python_models("tests/graph/make_models.py");
  SKIP_WITHOUT_MODELS(folder);
  expect_equal_after_rewriting(fs::path(folder) / "external");
  const fs::path external = fs::path(folder) / "external";
  const auto text_of = [&](const char* name) {
    return to_text(test::load(content_of(external / name), beside(external / name))->model);
  };
  EXPECT_EQ(text_of("fine.onnx"), text_of("whole.onnx"));
  EXPECT_EQ(text_of("below.onnx"), text_of("whole.onnx"));
}

// A sparse file stands for weights of 2.25 GiB: mapped, rewritten and laid out anew without being copied.
TEST(ExternalData, OverTwoGibibytes) {
  const std::uint64_t large = std::uint64_t{9} << 28;
  const std::string folder = ::testing::TempDir() + "/arete_external_" + std::to_string(::getpid());
  fs::create_directories(folder);
  std::ofstream(folder + "/w.bin").put('\0');
  fs::resize_file(folder + "/w.bin", large);
  {
    std::ofstream tail(folder + "/w.bin", std::ios::binary | std::ios::app);
    const std::vector<float> values(1024, 0.5F);
    tail.write(reinterpret_cast<const char*>(values.data()), 4096);
  }
  const auto weight = [](const std::string& name, const std::vector<std::int64_t>& dims, std::uint64_t offset) {
    const auto entry = [](const std::string& key, const std::string& value) {
      return test::bytes(13, test::bytes(1, key) + test::bytes(2, value));
    };
    return test::in_graph_weight(test::tensor(
        name, 1, dims, test::number(14, 1) + entry("location", "w.bin") + entry("offset", std::to_string(offset))));
  };
  const std::string graph = weight("tail", {1024}, large) + weight("large", {9, 1 << 26}, 0);
  const Result<ReadModel> read = test::load(test::model(graph), beside(folder + "/m.onnx"));
  ASSERT_OK(read);
  EXPECT_GT(weight_bytes(read->model), std::uint64_t{1} << 31);
  EXPECT_ERROR(write_onnx(read->model), Code::kExhausted, "external data");
  const Result<WrittenModel> written = write_onnx(read->model, {"new.data"});
  ASSERT_OK(written);
  ASSERT_EQ(written->external_parts.size(), 2U);
  EXPECT_EQ(written->external_parts[1].view.data(), read->model.graph.weights[1].tensor.bytes().data()) << "copied";
  EXPECT_EQ(written->external_parts[0].view.size() + written->external_parts[1].view.size(), large + 4096);
  EXPECT_EQ(written->external_parts[0].view[4092], read->model.graph.weights[0].tensor.bytes()[4092]);
  fs::remove_all(folder);
}

TEST(ExternalData, IsWrittenAndReadBack) {
  Model model;
  model.opsets.push_back({"", 17});
  for (int i = 0; i < 3; ++i) {
    const std::vector<float> values(static_cast<std::size_t>(200 * (i + 1)), static_cast<float>(i) + 0.5F);
    model.graph.weights.push_back(
        {"w" + std::to_string(i), Tensor::of<float>({200 * (i + 1)}, std::span<const float>(values)), ""});
  }
  const Result<WrittenModel> written = write_onnx(model, {"m.data"});
  ASSERT_OK(written);
  EXPECT_LT(written->bytes.size(), 1100U);  // the first one, of 800 bytes, stays inside
  std::string data;
  for (const SharedBytes& part : written->external_parts)
    data.append(reinterpret_cast<const char*>(part.view.data()), part.view.size());
  EXPECT_EQ(data.size() % 4096, 0U);
  const ReadOptions options = {[&](const std::string& location) -> Result<SharedBytes> {
    EXPECT_EQ(location, "m.data");
    return share_bytes(data);
  }};
  const Result<ReadModel> read = test::load(written->bytes, options);
  ASSERT_OK(read);
  EXPECT_EQ(to_text(read->model), to_text(model));
}

}  // namespace
}  // namespace arete::graph
