// What the official library does for us: its verdict is a warning, its shapes help, its conversion may fail.
#include "graph/official.h"

#include "graph/text.h"
#include "graph/verifier.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

Model network() {
  ModelBuilder b;
  b.input("x", {-1, 3, 16, 16}).weight("w", ramp({8, 3, 3, 3})).output("y", {-1, 8, 7, 7});
  b.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"r"});
  b.node("MaxPool", {"r"}, {"y"}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  return b.build();
}

const Value* inner(const Model& model, std::string_view name) {
  for (const Value& value : model.graph.values) {
    if (value.name == name) return &value;
  }
  return nullptr;
}

TEST(Checker, HasNothingAgainstAGoodModel) { EXPECT_EQ(official_complaint(network()), std::nullopt); }

// A graph without a name: engines open it, the checker does not want it.
TEST(Checker, ComplainsInWordsAndChangesNothing) {
  Model model = network();
  model.graph.name.clear();
  ASSERT_OK(verify(model));
  const std::optional<std::string> complaint = official_complaint(model);
  ASSERT_TRUE(complaint.has_value());
  EXPECT_NE(complaint->find("name"), std::string::npos) << *complaint;
  EXPECT_EQ(complaint->find('\n'), std::string::npos);
}

TEST(ShapeInference, NamesTheTypesOfInnerTensors) {
  const Model model = infer_shapes(network());
  ASSERT_NE(inner(model, "c"), nullptr);
  EXPECT_EQ(to_string(inner(model, "c")->type), "float32[N,8,14,14]");
  EXPECT_EQ(to_string(inner(model, "r")->type), "float32[N,8,14,14]");
}

// A weight over 1 KiB is held back from the library: it must not come out as an input, nor change.
TEST(ShapeInference, LeavesTheModelAsItIs) {
  ModelBuilder b;
  b.input("x", {2, 64})
      .weight("w", ramp({64, 32}))
      .weight("shape", Tensor::of<std::int64_t>({2}, {4, 16}))
      .output("y", {4, 16});
  b.node("MatMul", {"x", "w"}, {"m"}).node("Reshape", {"m", "shape"}, {"y"});
  Model inferred = infer_shapes(b.build());
  ASSERT_NE(inner(inferred, "m"), nullptr);
  EXPECT_EQ(to_string(inner(inferred, "m")->type), "float32[2,32]");
  inferred.graph.values.clear();
  EXPECT_EQ(to_text(inferred), to_text(b.build()));
}

TEST(ShapeInference, WhatContradictsItselfIsNoError) {
  ModelBuilder b;
  b.input("x", {2, 3}).weight("w", ramp({4, 5})).output("y", {2, 5}).node("MatMul", {"x", "w"}, {"y"});
  EXPECT_EQ(to_text(infer_shapes(b.build())), to_text(b.build()));
}

TEST(Conversion, WhatItCannotDoIsNamedWithBothOpsets) {
  Model model = network();
  Graph branch;
  branch.outputs.push_back({"s", {}, ""});
  branch.sparse_weights.emplace_back("s");
  const auto shared = std::make_shared<const Graph>(std::move(branch));
  model.set_opset("", 9);
  Node node;
  node.op_type = "If";
  node.inputs = {"x"};
  node.outputs = {"z"};
  node.set("then_branch", shared);
  node.set("else_branch", shared);
  model.graph.nodes.push_back(node);
  EXPECT_ERROR(convert_opset(model, 13), Code::kUnsupported,
               "the model cannot be converted from opset 9 to 13: a subgraph has sparse initializers");
}

TEST(Conversion, ANewerModelStaysAsItIs) {
  Model model = network();
  model.set_opset("", 17);
  const Result<Model> converted = convert_opset(model, 13);
  ASSERT_OK(converted);
  EXPECT_EQ(to_text(*converted), to_text(model));
}

// The library knows no words for axes, and finds a type where none is said.
TEST(Conversion, InputsAndOutputsStayAsTheyWereSaid) {
  ModelBuilder b;
  b.input("x", {2, 3, 4}).output("y", {2, 3, 4}).node("Softmax", {"x"}, {"y"}, {{"axis", std::int64_t{1}}});
  Model model = b.build();
  model.set_opset("", 11);
  const std::string denotation =
      "\x12\x0b\x0a\x09\x12\x07\x0a\x05\x1a\x03"
      "ABC";  // type.tensor_type.shape.dim[0]
  model.graph.inputs[0].extra = denotation;
  model.graph.outputs[0].type = {};
  const Result<Model> converted = convert_opset(model, 13);
  ASSERT_OK(converted);
  EXPECT_EQ(converted->graph.inputs[0].extra, denotation);
  EXPECT_FALSE(converted->graph.outputs[0].type.is_tensor());
}

}  // namespace
}  // namespace arete::graph
