// Bytes that are no model, or a hostile one: each is refused with its code and its words, at once.
#include <algorithm>
#include <cstring>
#include <random>

#include "graph/official.h"
#include "os/base/files.h"
#include "tests/graph/wire.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

using test::bytes;
using test::number;
using test::varint;

struct BadBytes {
  const char* name;
  std::string bytes;
  Code code;
  std::string message;
};

void expect_refused(const BadBytes& bad) {
  SCOPED_TRACE(bad.name);
  const Result<ReadModel> read = test::load(bad.bytes);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(describe(read.error().code).name, describe(bad.code).name);
  EXPECT_EQ(read.error().message, bad.message);
}

std::string no_model(std::size_t size) {
  return "this is no ONNX model, or it is cut short (" + std::to_string(size) +
         " bytes); export it again or copy it in binary mode";
}

std::string weight_of(const std::vector<std::int64_t>& dims, const std::string& content, int dtype = 1) {
  return test::model(test::in_graph_weight(test::tensor("w", dtype, dims, content)));
}

std::string input_of(const std::vector<std::int64_t>& dims) {
  return test::model(test::in_graph_input(test::float_value("x", dims)));
}

const std::int64_t kHuge = std::int64_t{1} << 62;

TEST(HostileBytes, AreRefusedWithWords) {
  const std::string raw12 = bytes(9, std::string(12, '\0'));
  const std::vector<BadBytes> table = {
      {"empty", "", Code::kCorrupt, "the file is empty"},
      {"text", "hello, this is no model\n", Code::kCorrupt, no_model(24)},
      {"no graph", number(1, 8) + bytes(8, number(2, 17)), Code::kCorrupt, no_model(6)},
      {"graph alone", bytes(7, ""), Code::kCorrupt, no_model(2)},
      {"no opset import", number(1, 8) + bytes(7, ""), Code::kInvalid,
       "the model imports no operator set (opset_import is empty)"},
      {"opset 99", test::model("", 99), Code::kUnsupported,
       "opset 99 of ai.onnx is newer than 28, the newest that this build knows; export with an older opset"},
      {"opset 6", test::model("", 6), Code::kUnsupported,
       "opset 6 of ai.onnx is older than 7; convert the model with onnx.version_converter first"},
      {"opset -1", test::model("", -1), Code::kUnsupported,
       "opset -1 of ai.onnx is older than 7; convert the model with onnx.version_converter first"},
      {"two opsets", test::model("", 13) + bytes(8, number(2, 14)), Code::kInvalid,
       "the operators of 'ai.onnx' are imported twice, as version 13 and as 14"},
      {"IR 99", test::model("") + number(1, 99), Code::kUnsupported,
       "IR version 99 is newer than 14, the newest that this build knows; export with an older one"},
      {"negative dims", weight_of({2, -3}, raw12), Code::kInvalid, "initializer 'w': shape [2,-3] has a negative size"},
      {"2^62 dims", weight_of({kHuge}, raw12), Code::kExhausted,
       "initializer 'w': shape [4611686018427387904] has more than 2^40 elements"},
      {"dims that overflow", weight_of({kHuge, 4, 0}, ""), Code::kExhausted,
       "initializer 'w': shape [4611686018427387904,4,0] has more than 2^40 elements"},
      {"rank 65", weight_of(std::vector<std::int64_t>(65, 1), raw12), Code::kExhausted,
       "initializer 'w': rank 65 is over the limit of 64"},
      {"too few bytes", weight_of({4}, raw12), Code::kInvalid, "initializer 'w': float32[4] needs 16 bytes, got 12"},
      {"too many bytes", weight_of({2}, raw12), Code::kInvalid, "initializer 'w': float32[2] needs 8 bytes, got 12"},
      {"no elements", weight_of({3}, ""), Code::kInvalid,
       "initializer 'w': shape [3] needs 3 elements, the file has 0"},
      {"dtype 0", weight_of({3}, raw12, 0), Code::kUnsupported, "initializer 'w': element type 0 is unknown"},
      {"dtype 99", weight_of({3}, raw12, 99), Code::kUnsupported, "initializer 'w': element type 99 is unknown"},
      {"raw strings", weight_of({3}, raw12, 8), Code::kInvalid, "initializer 'w': string[3] needs 3 strings, got 0"},
      {"segments", weight_of({3}, raw12 + bytes(3, number(1, 0))), Code::kUnsupported,
       "initializer 'w': it is stored in segments"},
      {"negative input", input_of({1, -7}), Code::kInvalid, "input 'x' has the negative size -7"},
      {"2^62 input", input_of({kHuge}), Code::kExhausted,
       "input 'x': shape [4611686018427387904] has more than 2^40 elements"},
      {"input that overflows", input_of({kHuge, kHuge, kHuge}), Code::kExhausted,
       "input 'x': shape [4611686018427387904,4611686018427387904,4611686018427387904] has more than 2^40 elements"},
      {"an attribute of a type to come",
       test::model(test::in_graph_node(test::node("Relu", {}, {}, bytes(5, test::attribute("a", 77, ""))))),
       Code::kInvalid, "Relu (node 0): its attribute 'a' has no value of a type that this build knows"},
      {"a broken constant",
       test::model(test::in_graph_node(test::node(
           "Constant", {}, {"c"}, bytes(5, test::attribute("value", 4, bytes(5, test::tensor("", 1, {-2}, ""))))))),
       Code::kInvalid, "Constant (node 0): attribute 'value': shape [-2] has a negative size"},
  };
  for (const BadBytes& bad : table) expect_refused(bad);
}

TEST(HostileBytes, RandomBytesAreNoModel) {
  std::mt19937 random(7);
  for (std::size_t round = 0; round < 2000; ++round) {
    std::string junk(1 + round % 777, '\0');
    for (char& byte : junk) byte = static_cast<char>(random());
    EXPECT_ERROR(test::load(junk), Code::kCorrupt, "this is no ONNX model, or it is cut short");
  }
}

TEST(HostileBytes, TruncatedAtEvery97thByte) {
  const Result<SharedBytes> file = os::real_file_system().map(test::source_path("examples/fashion/fashion.onnx"));
  ASSERT_OK(file);
  const std::string_view whole(reinterpret_cast<const char*>(file->view.data()), file->view.size());
  ASSERT_OK(test::load(whole));
  for (std::size_t size = 1; size < whole.size(); size += 97) {
    const Result<ReadModel> read = test::load(whole.substr(0, size));
    ASSERT_FALSE(read.has_value()) << size;
    EXPECT_EQ(read.error().message, no_model(size));
    EXPECT_EQ(read.error().code, Code::kCorrupt);
  }
}

// A byte changed at a time: an error with words or a model that verifies, and never a crash.
TEST(HostileBytes, OneByteChanged) {
  const std::string graph = test::in_graph_input(test::float_value("x", {2, 3})) +
                            test::in_graph_weight(test::tensor("w", 1, {3}, bytes(9, std::string(12, 'a')))) +
                            test::in_graph_node(test::node("Add", {"x", "w"}, {"y"})) +
                            test::in_graph_output(test::float_value("y", {2, 3}));
  const std::string good = test::model(graph);
  ASSERT_OK(test::load(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      const Result<ReadModel> read = test::load(changed);
      EXPECT_TRUE(read.has_value() || !read.error().message.empty());
    }
  }
}

// A graph within a graph, `depth` deep. Made from the end on, each level's bytes in reverse: prepending to what is
// inside would copy it at every level.
std::string nested(int depth) {
  std::string reversed = bytes(2, "innermost");
  std::ranges::reverse(reversed);
  const auto wrap = [&](int field) {
    std::string head = varint(static_cast<std::uint64_t>(field) << 3 | 2U) + varint(reversed.size());
    reversed.append(head.rbegin(), head.rend());
  };
  const auto prepend = [&](const std::string& text) { reversed.append(text.rbegin(), text.rend()); };
  for (int i = 0; i < depth; ++i) {
    wrap(6);  // AttributeProto.g
    prepend(bytes(1, "body") + number(20, 5));
    wrap(5);  // NodeProto.attribute
    prepend(bytes(4, "Deep") + bytes(7, "com.example"));
    wrap(1);  // GraphProto.node
  }
  std::ranges::reverse(reversed);
  return test::model(reversed);
}

TEST(HostileBytes, NestingHasALimit) {
  ASSERT_OK(test::load(nested(kMaxSubgraphDepth)));
  for (const int depth : {kMaxSubgraphDepth + 1, 60, 10'000}) {
    EXPECT_ERROR(test::load(nested(depth)), Code::kExhausted, "subgraphs are nested deeper than 32");
  }
}

// The library takes the low 32 bits of a longer tag: what it would read must not pass by unseen.
TEST(HostileBytes, OverlongTagsAreNoModel) {
  EXPECT_ERROR(test::load(number(1, 8) + bytes(8, number(2, 17)) + "\xBA\x80\x80\x80\x10" + varint(0)), Code::kCorrupt,
               "this is no ONNX model");
}

TEST(HostileBytes, ManyImportsAreRefused) {
  std::string many = test::model("");
  for (int i = 0; i < 1001; ++i) many += bytes(8, number(2, 17));
  EXPECT_ERROR(test::load(many), Code::kExhausted, "more than 1000 operator sets");
}

// Shapes of ten to the ninth axes, loops that never end, attributes that claim more than there is: shape inference must
// come back, and soon.
TEST(HostileBytes, ShapeInferenceComesBack) {
  const auto ints = [](const std::string& name, const std::vector<std::int64_t>& values) {
    std::string raw(values.size() * 8, '\0');
    std::memcpy(raw.data(), values.data(), raw.size());
    return test::in_graph_weight(test::tensor(name, 7, {static_cast<std::int64_t>(values.size())}, bytes(9, raw)));
  };
  const auto node = [](const std::string& op, std::initializer_list<std::string> in,
                       std::initializer_list<std::string> out,
                       const std::string& more = "") { return test::in_graph_node(test::node(op, in, out, more)); };
  const auto axis = [](std::int64_t value) { return bytes(5, test::attribute("axis", 2, number(3, value))); };
  const auto outputs = [](std::int64_t value) { return bytes(5, test::attribute("num_outputs", 2, number(3, value))); };
  std::string doubled = ints("x0", {1});
  for (int i = 0; i < 40; ++i) {
    const std::string from = "x" + std::to_string(i);
    doubled += node("Concat", {from, from}, {"x" + std::to_string(i + 1)}, axis(0));
  }
  const std::string x = test::in_graph_input(test::float_value("x", {6}));
  const std::string huge_shape = test::in_graph_input(
      bytes(1, "s") + bytes(2, bytes(1, number(1, 7) + bytes(2, bytes(1, number(1, 1'000'000'000))))));
  const std::vector<std::pair<std::string, int>> graphs = {
      {ints("d", {5}) + ints("b", {0}) + ints("e", {1}) + ints("a", {0}) + ints("s", {std::int64_t{1} << 32}) +
           node("Slice", {"d", "b", "e", "a", "s"}, {"y"}),
       13},
      {ints("d", {5}) + ints("b", {0}) + ints("e", {1}) + ints("a", {0}) + ints("s", {std::int64_t{1} << 31}) +
           node("Slice", {"d", "b", "e", "a", "s"}, {"y"}),
       13},
      {doubled, 13},
      {x + huge_shape + node("Expand", {"x", "s"}, {"y"}), 8},
      {x + node("Split", {"x"}, {"y"}, outputs(2'000'000'000)), 18},
      {x + node("Split", {"x"}, {"y", "z"}, outputs(1)), 18},
  };
  for (const auto& [graph, opset] : graphs) {
    const Result<ReadModel> read = test::load(test::model(graph, opset));
    ASSERT_OK(read);
    EXPECT_EQ(infer_shapes(read->model).graph.nodes.size(), read->model.graph.nodes.size());
  }
}

// 32 graphs inside one another around many nodes out of order that read a tensor of the outermost.
TEST(HostileBytes, DeepGraphsOutOfOrderAreSorted) {
  std::string inner;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "i" + std::to_string(i);
    inner += test::in_graph_node(test::node("Sum", {"x", "x", i % 2 == 0 ? "i" + std::to_string(i + 1) : "x"}, {name}));
  }
  for (int i = 1; i < kMaxSubgraphDepth; ++i) {
    inner = test::in_graph_node(
        test::node("Deep", {}, {}, bytes(7, "com.example") + bytes(5, test::attribute("body", 5, bytes(6, inner)))));
  }
  const std::string x = test::in_graph_input(test::float_value("x", {6}));
  ASSERT_OK(test::load(test::model(x + inner) + bytes(8, bytes(1, "com.example") + number(2, 1))));
}

// Many weights at one odd offset of a small file: each would be a copy.
TEST(HostileBytes, CopiesOfExternalDataAreLimited) {
  std::string graph;
  for (int i = 0; i < 40; ++i) {
    const auto entry = [](const std::string& key, const std::string& value) {
      return bytes(13, bytes(1, key) + bytes(2, value));
    };
    graph += test::in_graph_weight(test::tensor("w" + std::to_string(i), 1, {1000},
                                                number(14, 1) + entry("location", "w") + entry("offset", "1")));
  }
  const ReadOptions options = {
      [](const std::string&) -> Result<SharedBytes> { return share_bytes(std::string(8000, 'x')); }};
  EXPECT_ERROR(test::load(test::model(graph), options), Code::kExhausted, "aligned");
}

TEST(HostileBytes, GroupsWithoutEndAreNoModel) {
  const std::string opened(100'000, '\x0b');  // field 1, start of a group
  EXPECT_ERROR(test::load(opened), Code::kCorrupt, "this is no ONNX model");
  EXPECT_ERROR(test::load(test::model("") + "\x0c"), Code::kCorrupt, "this is no ONNX model");
}

TEST(HostileBytes, TypesNestedDeepAreReadOrRefused) {
  for (const int depth : {10, 50, 1000, 20'000}) {
    std::string type = bytes(1, number(1, 1));
    for (int i = 0; i < depth; ++i) type = bytes(4, bytes(1, type));
    const Result<ReadModel> read = test::load(test::model(test::in_graph_input(bytes(1, "x") + bytes(2, type))));
    EXPECT_EQ(read.has_value(), depth <= 50) << depth;
    EXPECT_TRUE(read.has_value() || read.error().code == Code::kCorrupt);
  }
}

}  // namespace
}  // namespace arete::graph
