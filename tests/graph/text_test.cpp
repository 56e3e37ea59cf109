// The text form read back: what a person may write by hand, and what is said where it is wrong. That every
// model reads back as the same bytes is shown by the round-trip tests (expect_text_reads_back).
#include "graph/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "tests/graph/wire.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

// `lines` inside the graph of an otherwise complete text.
std::string graph_of(const std::string& lines) { return "model ir=8\nopset ai.onnx 17\ngraph g {\n" + lines + "\n}\n"; }

TEST(FromText, TakesWhatAPersonWrites) {
  const Result<ReadModel> read = from_text(
      "# a small model\n\n  model ir=8   # its version\nopset ai.onnx 17\ngraph g {\n"
      "input x: float32[N,2]\n\tweight w: float32[2] = {1, -2.5e-1}  # two of them\n\n"
      "output y: float32[N,2]\n"
      "y = Mul(x, w) {} name=scale\n}\n# the end");
  ASSERT_OK(read);
  EXPECT_EQ(to_text(read->model),
            "model ir=8\nopset ai.onnx 17\ngraph g {\n  input x: float32[N,2]\n"
            "  weight w: float32[2] = {1, -0.25}\n  y = Mul(x, w) name=scale\n  output y: float32[N,2]\n}\n");
}

TEST(FromText, WordsOfTheFormMayBeNames) {
  Model model;
  model.opsets = {{"", 17}, {"a.b", 1}};
  model.graph.name = "graph";
  const auto value = [](const std::string& name) {
    return Value{name, {TypeKind::kTensor, DType::kFloat32, true, {{-1, "7"}, {-1, "..."}, {-1, ""}, {4, ""}}, ""}, ""};
  };
  model.graph.inputs = {value("input"), value("x:"), value("#")};
  model.graph.nodes.push_back({"name", "", "Relu", "", {"input"}, {"output"}, {}, ""});
  model.graph.nodes.push_back({"", "a.b", "Op", "", {"-"}, {"weight", "", "value"}, {}, ""});
  model.graph.nodes.push_back({"", "a.b", "Op.two", "", {"", "x:"}, {"name"}, {}, ""});
  model.graph.nodes.push_back({"", "c d", "Op", "over", {"#"}, {"overload"}, {}, ""});
  model.graph.nodes.push_back({"", "c d", "Op two", "", {}, {"extra"}, {}, ""});
  model.graph.nodes.push_back({"", "", "x.y", "", {}, {}, {}, ""});
  model.graph.outputs = {value("output")};
  test::expect_text_reads_back(model);
}

TEST(FromText, EveryKindOfAttribute) {
  const auto branch = [](const std::string& name) {
    Graph graph;
    graph.name = name;
    graph.nodes.push_back({"", "", "Relu", "", {"x"}, {"r"}, {}, ""});
    graph.outputs = {{"r", {}, ""}};
    return std::make_shared<const Graph>(std::move(graph));
  };
  const float odd_nan = std::bit_cast<float>(0xFFC12345U);
  Node node{"", "my", "Op", "", {}, {"y"}, {}, ""};
  node.set("first", branch("one"));
  node.set("none", std::vector<std::int64_t>());
  node.set("no_floats", std::vector<float>());
  node.set("no_strings", std::vector<std::string>());
  node.set("no_tensors", std::vector<Tensor>());
  node.set("graphs", std::vector{branch("two"), branch("three")});
  node.set("floats", std::vector{1.0F, -0.0F, 1e-42F, std::numeric_limits<float>::infinity(), odd_nan, 0.1F});
  node.set("float", std::numeric_limits<float>::quiet_NaN());
  node.set("int", std::numeric_limits<std::int64_t>::min());
  node.set("string", std::string("\"\\\n\0#\xC3\xA9", 7));
  node.set("tensor", Tensor::of<double>({2, 1}, {0.1, -std::numeric_limits<double>::infinity()}));
  node.set("tensors", std::vector{Tensor::scalar<bool>(true), Tensor::of<float>({0}, std::span<const float>())});
  node.set("last", branch("four"));
  Model model;
  model.opsets = {{"my", 1}};
  model.graph.nodes.push_back(node);
  test::expect_text_reads_back(model);
}

TEST(FromText, EveryElementOfATensorComesBack) {
  Model model;
  model.opsets = {{"", 17}};
  const auto add = [&](Tensor tensor) {
    model.graph.weights.push_back({"w" + std::to_string(model.graph.weights.size()), std::move(tensor), ""});
  };
  add(Tensor::of<std::int64_t>({2}, {std::numeric_limits<std::int64_t>::min(), (std::int64_t{1} << 53) + 1}));
  add(Tensor::of<std::uint64_t>({1}, {std::numeric_limits<std::uint64_t>::max()}));
  add(Tensor::of<float>({2}, {std::bit_cast<float>(0x7F800001U), -0.0F}));
  add(Tensor::of<double>({2}, {5e-324, 0.1}));
  add(*Tensor::wrap(DType::kBool, {2}, share_bytes(std::string("\x02\x01"))));
  add(*Tensor::wrap(DType::kFloat16, {2}, share_bytes(std::string("\x01\x00\xFF\x7B", 4))));
  add(*Tensor::wrap(DType::kBfloat16, {2}, share_bytes(std::string("\x80\x3F\xC0\x7F", 4))));
  add(*Tensor::wrap(DType::kInt4, {3}, share_bytes(std::string("\x21\x0F", 2))));
  add(*Tensor::of_strings({2}, {"", std::string("a\0b", 3)}));
  add(Tensor::of<float>({0, 3}, std::span<const float>()));
  test::expect_text_reads_back(model);
}

TEST(FromText, SaysWhereAndWhatIsWrong) {
  EXPECT_ERROR(from_text(""), Code::kInvalid, "line 1, column 1: expected 'model'");
  EXPECT_ERROR(from_text("model ir=8\nopset ai.onnx 17\n"), Code::kInvalid, "line 3, column 1: expected a line");
  EXPECT_ERROR(from_text("model ir=8\ngraph g {\n"), Code::kInvalid, "not closed");
  EXPECT_ERROR(from_text(graph_of("") + "graph h {\n}\n"), Code::kInvalid, "line 6, column 1: expected the end");
  EXPECT_ERROR(from_text(graph_of("input x")), Code::kInvalid, "expected ':'");
  EXPECT_ERROR(from_text(graph_of("input x: float31[2]")), Code::kInvalid, "'float31' is no dtype");
  EXPECT_ERROR(from_text(graph_of("y = Relu x")), Code::kInvalid, "expected '('");
  EXPECT_ERROR(from_text(graph_of("y = Relu(x) {a=}")), Code::kInvalid, "expected an integer");
  EXPECT_ERROR(from_text(graph_of("y = Relu(x) {a=[1,2.0]}")), Code::kInvalid, "items of one type");
  EXPECT_ERROR(from_text(graph_of("y = Relu(x) {a=graph}")), Code::kInvalid, "'a' of the node above is missing");
  EXPECT_ERROR(from_text(graph_of("y = If(x) \n a = b {\n}\n a = c {\n}")), Code::kInvalid, "already");
  EXPECT_ERROR(from_text(graph_of("weight w: float32[3] = {1, 2}")), Code::kInvalid, "line 4, column 30");
  EXPECT_ERROR(from_text(graph_of("weight w: int8[1] = {128}")), Code::kInvalid, "out of the dtype's range");
  EXPECT_ERROR(from_text(graph_of("weight w: int4[1] = {1}")), Code::kInvalid, "written as bytes");
  EXPECT_ERROR(from_text(graph_of("weight w: float32[1] = x\"00000\"")), Code::kInvalid, "odd number");
  EXPECT_ERROR(from_text(graph_of("weight w: float32[99999999999] = x\"00\"")), Code::kExhausted, "line 4");
  EXPECT_ERROR(from_text(graph_of("weight w: float32[9] fnv1a=0123456789abcdef")), Code::kUnsupported, "complete form");
  EXPECT_ERROR(from_text(graph_of("y = Relu(\"x)")), Code::kInvalid, "not closed");
  EXPECT_ERROR(from_text(graph_of("y = Relu(\"\\q\")")), Code::kInvalid, "only");
}

TEST(FromText, BytesThatAreNoUtf8AreEscaped) {
  Model model;
  model.opsets = {{"", 17}};
  model.graph.name = "\xC3\xA9 \xFF \xC3 \xE4\xB8\x96 \xED\xF0\x9F";
  EXPECT_NE(to_text(model).find("\"\xC3\xA9 \\xff \\xc3 \xE4\xB8\x96 \\xed\\xf0\\x9f\""), std::string::npos)
      << to_text(model);
  test::expect_text_reads_back(model);
}

TEST(FromText, DepthIsLimited) {
  std::string lines;
  std::string ends;
  for (int i = 0; i < 10'000; ++i) {
    lines += "y = If(x)\nb = g {\n";
    ends += "}\n";
  }
  EXPECT_ERROR(from_text(graph_of(lines + ends)), Code::kExhausted, "nested deeper");
}

TEST(FromText, SmallPartsMayNotBecomeMuchMemory) {
  std::string nodes;
  for (int i = 0; i < 3'000'000; ++i) nodes += "=A()\n";
  EXPECT_ERROR(from_text(graph_of(nodes)), Code::kExhausted, "so many small parts");
}

TEST(FromText, BytesThatOnlyTravelAreReadAsAFileIs) {
  // A whole graph hidden in what travels with the model would be a second one: the reader of files decides.
  const std::string hidden = test::bytes(7, test::in_graph_node(test::node("Relu", {"x"}, {"z"})));
  Model model;
  model.opsets = {{"", 17}};
  model.extra = hidden;
  const Result<ReadModel> read = from_text(to_text(model, {8, true}));
  ASSERT_OK(read);
  EXPECT_EQ(read->model.graph.nodes.size(), 1U);
  EXPECT_TRUE(read->model.extra.empty());
}

TEST(LooksLikeText, OnlyWhatBeginsAsOne) {
  EXPECT_TRUE(looks_like_text("model ir=8"));
  EXPECT_TRUE(looks_like_text("# words\n\n model ir = 8"));
  EXPECT_FALSE(looks_like_text(""));
  EXPECT_FALSE(looks_like_text("models"));
  EXPECT_FALSE(looks_like_text(test::model("")));
}

}  // namespace
}  // namespace arete::graph
