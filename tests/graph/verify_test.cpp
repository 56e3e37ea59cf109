// What the verifier and the sort say about graphs that are wrong, and that they let odd ones pass.
#include <algorithm>

#include "graph/text.h"
#include "graph/uses.h"
#include "tests/graph/wire.h"
#include "tests/pass/build.h"
#include "tests/support/assert.h"

namespace arete::graph {
namespace {

using test::float_type;
using test::ModelBuilder;
using test::ramp;
using Ints = std::vector<std::int64_t>;

ModelBuilder x_to_y(std::int64_t opset = 17) {
  ModelBuilder b(opset);
  b.input("x", {2, 3}).output("y", {2, 3});
  return b;
}

Model with_node(Node node, std::int64_t opset = 17) {
  Model model = x_to_y(opset).build();
  model.graph.nodes.push_back(std::move(node));
  return model;
}

Node node_of(std::string op, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  Node node;
  node.op_type = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

Model without_outputs(ModelBuilder builder) {
  Model model = builder.build();
  model.graph.outputs.clear();
  return model;
}

std::shared_ptr<const Graph> sub(std::vector<Node> nodes, std::vector<std::string> outputs,
                                 std::vector<std::string> inputs = {}) {
  Graph graph;
  graph.name = "sub";
  for (std::string& input : inputs) graph.inputs.push_back({std::move(input), {}, ""});
  for (std::string& output : outputs) graph.outputs.push_back({std::move(output), float_type({2, 3}), ""});
  graph.nodes = std::move(nodes);
  return std::make_shared<const Graph>(std::move(graph));
}

Node if_node(const std::shared_ptr<const Graph>& branch, const std::string& output = "y") {
  Node node = node_of("If", {"flag"}, {output});
  node.set("then_branch", branch);
  node.set("else_branch", branch);
  return node;
}

Model with_flag(Node node) {
  Model model = with_node(std::move(node));
  model.graph.inputs.push_back({"flag", {TypeKind::kTensor, DType::kBool, true, {}, ""}, ""});
  return model;
}

struct Bad {
  const char* name;
  Model model;
  Code code;
  std::string message;
};

void expect_bad(const std::vector<Bad>& table) {
  for (const Bad& bad : table) {
    SCOPED_TRACE(bad.name);
    const Status status = test::sort_and_verify(bad.model);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(describe(status.error().code).name, describe(bad.code).name);
    EXPECT_EQ(status.error().message, bad.message);
  }
}

TEST(Verify, NamesTheTensor) {
  Model nameless = x_to_y().node("Relu", {"x"}, {"y"}).build();
  nameless.graph.inputs[0].name = "";
  Model unknown_output = x_to_y().node("Relu", {"x"}, {"z"}).build();
  expect_bad({
      {"missing input", x_to_y().node("Add", {"x", "w"}, {"y"}).build(), Code::kInvalid,
       "Add (node 0): its input 'w' is made by no node before it, and is no input or initializer"},
      {"missing output", unknown_output, Code::kInvalid, "output 'y' is made by no node"},
      {"two of one name", x_to_y().node("Relu", {"x"}, {"y"}).node("Neg", {"x"}, {"y"}).build(), Code::kInvalid,
       "Neg (node 1): tensor 'y' stands twice: every tensor may be made only once"},
      {"two weights", x_to_y().weight("w", ramp({3})).weight("w", ramp({2})).node("Add", {"x", "w"}, {"y"}).build(),
       Code::kInvalid, "initializer 'w' stands twice: every tensor may be made only once"},
      {"two inputs", x_to_y().input("x", {1}).node("Relu", {"x"}, {"y"}).build(), Code::kInvalid,
       "input 'x' stands twice: every tensor may be made only once"},
      {"an output over an input", x_to_y().node("RandomNormal", {}, {"x"}, {{"shape", Ints{2, 3}}}).build(),
       Code::kInvalid, "RandomNormal (node 0): tensor 'x' stands twice: every tensor may be made only once"},
      {"nameless input", nameless, Code::kInvalid, "an input has no name"},
      {"nameless weight", x_to_y().weight("", ramp({3})).node("Relu", {"x"}, {"y"}).build(), Code::kInvalid,
       "an initializer has no name"},
  });
}

TEST(Verify, NamesTheCycle) {
  expect_bad({
      {"of one", x_to_y().node("Add", {"x", "y"}, {"y"}).build(), Code::kInvalid,
       "Add (node 0): the graph has a cycle through it; a node cannot use its own result"},
      {"of two behind others",
       x_to_y().node("Relu", {"b"}, {"y"}).node("Add", {"x", "c"}, {"b"}).node("Neg", {"b"}, {"c"}).build(),
       Code::kInvalid, "Neg (node 2): the graph has a cycle through it; a node cannot use its own result"},
      {"through a branch", with_flag(if_node(sub({node_of("Neg", {"y"}, {"n"})}, {"n"}))), Code::kInvalid,
       "If (node 0): the graph has a cycle through it; a node cannot use its own result"},
      {"within a branch", with_flag(if_node(sub({node_of("Neg", {"p"}, {"n"}), node_of("Abs", {"n"}, {"p"})}, {"n"}))),
       Code::kInvalid, "If (node 0): Abs (node 1): the graph has a cycle through it; a node cannot use its own result"},
  });
}

TEST(Verify, KnowsTheOperators) {
  Model twice = x_to_y().node("LeakyRelu", {"x"}, {"y"}, {{"alpha", 0.5F}}).build();
  twice.graph.nodes[0].attributes.push_back(twice.graph.nodes[0].attributes[0]);
  Model refers = x_to_y().node("LeakyRelu", {"x"}, {"y"}, {{"alpha", 0.5F}}).build();
  refers.graph.nodes[0].attributes[0].reference = "slope";
  Node foreign = node_of("Scaler", {"x"}, {"y"});
  foreign.domain = "ai.onnx.ml";
  expect_bad({
      {"no type", with_node(node_of("", {"x"}, {"y"})), Code::kInvalid, " (node 0): it has no operator type"},
      {"unknown", with_node(node_of("Frobnicate", {"x"}, {"y"})), Code::kUnsupported,
       "Frobnicate (node 0): there is no operator Frobnicate in opset 17"},
      {"of a newer opset", with_node(node_of("Gelu", {"x"}, {"y"})), Code::kUnsupported,
       "Gelu (node 0): there is no operator Gelu in opset 17"},
      {"of an older opset", with_node(node_of("Upsample", {"x", "x"}, {"y"})), Code::kUnsupported,
       "Upsample (node 0): the operator was removed before opset 17"},
      {"domain not imported", with_node(foreign), Code::kInvalid,
       "ai.onnx.ml.Scaler (node 0): the model does not import the operators of 'ai.onnx.ml' (add them to "
       "opset_import)"},
      {"too few inputs", with_node(node_of("Conv", {"x"}, {"y"})), Code::kInvalid,
       "Conv (node 0): it has 1 inputs, the operator takes 2 to 3"},
      {"too many inputs", with_node(node_of("Relu", {"x", "x"}, {"y"})), Code::kInvalid,
       "Relu (node 0): it has 2 inputs, the operator takes 1"},
      {"none of many", with_node(node_of("Concat", {}, {"y"})), Code::kInvalid,
       "Concat (node 0): it has 0 inputs, the operator takes 1 or more"},
      {"no outputs", without_outputs(x_to_y().node("Relu", {"x"}, {})), Code::kInvalid,
       "Relu (node 0): it has 0 outputs, the operator takes 1"},
      {"left out", with_node(node_of("Conv", {"x", ""}, {"y"})), Code::kInvalid,
       "Conv (node 0): 'W' of its inputs is left out, but the operator needs it"},
      {"output left out", without_outputs(x_to_y().node("Relu", {"x"}, {""})), Code::kInvalid,
       "Relu (node 0): 'Y' of its outputs is left out, but the operator needs it"},
      {"attribute missing", with_node(node_of("Cast", {"x"}, {"y"})), Code::kInvalid,
       "Cast (node 0): the required attribute 'to' is missing"},
      {"attribute of another type", x_to_y().node("LeakyRelu", {"x"}, {"y"}, {{"alpha", std::int64_t{1}}}).build(),
       Code::kInvalid, "LeakyRelu (node 0): its attribute 'alpha' is an integer, the operator wants a float"},
      {"number for a list", x_to_y().node("Transpose", {"x"}, {"y"}, {{"perm", std::int64_t{1}}}).build(),
       Code::kInvalid, "Transpose (node 0): its attribute 'perm' is an integer, the operator wants a list of integers"},
      {"attribute twice", twice, Code::kInvalid, "LeakyRelu (node 0): its attribute 'alpha' stands twice"},
      {"a reference outside of functions", refers, Code::kInvalid,
       "LeakyRelu (node 0): its attribute 'alpha' refers to a function's attribute, but it stands in no function"},
  });
}

TEST(Verify, LooksIntoSubgraphs) {
  expect_bad({
      {"missing", with_flag(if_node(sub({node_of("Neg", {"q"}, {"n"})}, {"n"}))), Code::kInvalid,
       "If (node 0): Neg (node 0): its input 'q' is made by no node before it, and is no input or initializer"},
      {"twice", with_flag(if_node(sub({node_of("Neg", {"x"}, {"n"}), node_of("Abs", {"x"}, {"n"})}, {"n"}))),
       Code::kInvalid, "If (node 0): Abs (node 1): tensor 'n' stands twice: every tensor may be made only once"},
      {"no output", with_flag(if_node(sub({node_of("Neg", {"x"}, {"n"})}, {"m"}))), Code::kInvalid,
       "If (node 0): output 'm' is made by no node"},
  });
  // Names of one branch are unknown in the other, and afterwards.
  Node later = node_of("If", {"flag"}, {"y"});
  later.set("then_branch", sub({node_of("Neg", {"x"}, {"n"})}, {"n"}));
  later.set("else_branch", sub({}, {"n"}));
  EXPECT_ERROR(test::sort_and_verify(with_flag(later)), Code::kInvalid, "output 'n' is made by no node");
  // A subgraph may see outer names, hand them out, and make them anew (exporters do).
  ASSERT_OK(test::sort_and_verify(with_flag(if_node(sub({node_of("Neg", {"x"}, {"n"})}, {"n"})))));
  ASSERT_OK(test::sort_and_verify(with_flag(if_node(sub({}, {"x"})))));
  ASSERT_OK(test::sort_and_verify(with_flag(if_node(sub({node_of("Neg", {"flag"}, {"x"})}, {"x"})))));
}

TEST(Verify, LetsOddModelsPass) {
  Node custom = node_of("Anything", {"x", "", "x"}, {"y", "", "z"});
  custom.domain = "com.example";
  custom.set("a", std::string("b"));
  ASSERT_OK(test::sort_and_verify(with_node(custom)));  // its domain is not even imported
  ModelBuilder through;
  ASSERT_OK(test::sort_and_verify(through.input("x", {2}).output("x", {2}).build()));
  ASSERT_OK(test::sort_and_verify(ModelBuilder().build()));
  ModelBuilder constant;
  ASSERT_OK(test::sort_and_verify(constant.weight("w", ramp({2})).output("w", {2}).build()));
  ModelBuilder lstm;
  lstm.input("x", {3, 2, 5}).weight("w", ramp({1, 16, 5})).weight("r", ramp({1, 16, 4})).output("y", {1, 2, 4});
  ASSERT_OK(test::sort_and_verify(
      lstm.node("LSTM", {"x", "w", "r", "", "", ""}, {"", "y"}, {{"hidden_size", std::int64_t{4}}}).build()));
  ModelBuilder names;
  names.input("a \"name\"\n", {1}).output("\u540d/\u524d", {1}).node("Relu", {"a \"name\"\n"}, {"\u540d/\u524d"});
  ASSERT_OK(test::sort_and_verify(names.build()));
  Model old = with_node(node_of("Relu", {"x"}, {"y"}), 7);
  ASSERT_OK(test::sort_and_verify(old));
}

TEST(Sort, PutsNodesInRunningOrder) {
  Model model = x_to_y().node("Relu", {"b"}, {"y"}).node("Neg", {"x"}, {"a"}).node("Abs", {"a"}, {"b"}).build();
  ASSERT_OK(sort_nodes(model.graph));
  ASSERT_OK(verify(model));
  std::vector<std::string> order;
  for (const Node& node : model.graph.nodes) order.push_back(node.op_type);
  EXPECT_EQ(order, (std::vector<std::string>{"Neg", "Abs", "Relu"}));
}

TEST(Sort, KeepsTheOrderThatWorks) {
  Model model = x_to_y().node("Neg", {"x"}, {"a"}).node("Abs", {"x"}, {"b"}).node("Add", {"a", "b"}, {"y"}).build();
  const std::string before = to_text(model);
  ASSERT_OK(sort_nodes(model.graph));
  EXPECT_EQ(to_text(model), before);
}

TEST(Sort, WaitsForWhatBranchesCapture) {
  Model model = with_flag(if_node(sub({node_of("Neg", {"late"}, {"n"})}, {"n"})));
  model.graph.nodes.push_back(node_of("Abs", {"x"}, {"late"}));
  EXPECT_ERROR(verify(model), Code::kInvalid, "its input 'late' is made by no node before it");
  ASSERT_OK(test::sort_and_verify(model));
}

TEST(Sort, SortsSubgraphs) {
  const std::vector<Node> mixed = {node_of("Abs", {"p"}, {"n"}), node_of("Neg", {"x"}, {"p"})};
  ASSERT_OK(test::sort_and_verify(with_flag(if_node(sub(mixed, {"n"})))));
  ASSERT_OK(test::sort_and_verify(with_flag(if_node(sub({if_node(sub(mixed, {"n"}), "deep")}, {"deep"})))));
}

// A name of a subgraph's own is no reason to wait for an outer tensor of that name.
TEST(Sort, InnerNamesAreNotCaptured) {
  Model model = with_flag(if_node(sub({node_of("Neg", {"x"}, {"t"}), node_of("Abs", {"t"}, {"n"})}, {"n"}), "k"));
  model.graph.nodes.push_back(node_of("Relu", {"k"}, {"t"}));
  model.graph.nodes.push_back(node_of("Relu", {"t"}, {"y"}));
  EXPECT_EQ(captured_names(model.graph.nodes[0]), (std::vector<std::string_view>{"x", "x"}));
  ASSERT_OK(test::sort_and_verify(model));
}

// --- the model's own functions --------------------------------------------------------------------

OpaqueFunction function_of(const std::string& name, const std::vector<std::string>& calls, int opset = 17,
                           const std::string& domain = "our") {
  std::string message = test::bytes(1, name) + test::bytes(4, "a") + test::bytes(5, "r") +
                        test::bytes(9, test::number(2, opset)) +
                        test::bytes(9, test::bytes(1, "our") + test::number(2, 1)) + test::bytes(10, domain);
  std::string last = "a";
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string out = i + 1 == calls.size() ? "r" : "t" + std::to_string(i);
    const bool own = calls[i][0] == 'F';
    message += test::bytes(7, test::node(calls[i], {last}, {out}, own ? test::bytes(7, "our") : ""));
    last = out;
  }
  return {domain, name, "", message};
}

Model calling(std::vector<OpaqueFunction> functions) {
  Node call = node_of("F0", {"x"}, {"y"});
  call.domain = "our";
  Model model = with_node(call);
  model.set_opset("our", 1);
  model.functions = std::move(functions);
  return model;
}

TEST(Functions, AreVerifiedToo) {
  ASSERT_OK(verify(calling({function_of("F0", {"Relu", "F1"}), function_of("F1", {"Neg"})})));
  Model many = calling({function_of("F0", {"Relu"})});
  many.graph.nodes[0].inputs.push_back("x");
  expect_bad({
      {"unknown operator", calling({function_of("F0", {"Unheard"})}), Code::kUnsupported,
       "function 'our.F0': Unheard (node 0): there is no operator Unheard in opset 17"},
      {"no result", calling({function_of("F0", {})}), Code::kInvalid,
       "function 'our.F0': output 'r' is made by no node"},
      {"twice", calling({function_of("F0", {"Relu"}), function_of("F0", {"Neg"})}), Code::kInvalid,
       "function 'our.F0' stands twice"},
      {"calls itself", calling({function_of("F0", {"F0"})}), Code::kInvalid, "function 'our.F0' calls itself"},
      {"too new", calling({function_of("F0", {"Relu"}, 99)}), Code::kUnsupported,
       "function 'our.F0': opset 99 of ai.onnx is newer than 28, the newest that this build knows; export with an "
       "older opset"},
      {"hides an operator", calling({function_of("F0", {"Relu"}), function_of("Relu", {"Neg"}, 17, "")}),
       Code::kUnsupported,
       "function 'our.F0': Relu (node 0): the model has a function 'Relu' of its own with the name of an official "
       "operator"},
      {"too many inputs", many, Code::kInvalid, "our.F0 (node 0): it has 2 inputs, the operator takes 0 to 1"},
  });
  EXPECT_ERROR(verify(calling({function_of("F0", {"F1"}), function_of("F1", {"F0"})})), Code::kInvalid, "calls itself");
}

TEST(Functions, CallsHaveLimits) {
  std::vector<OpaqueFunction> deep;
  for (int i = 0; i < 1000; ++i)
    deep.push_back(function_of("F" + std::to_string(i), {i == 999 ? "Relu" : "F" + std::to_string(i + 1)}));
  EXPECT_ERROR(verify(calling(deep)), Code::kExhausted, "functions call one another more than 64 deep");
  // Twice as many at every level: 2^30 nodes behind one call.
  std::vector<OpaqueFunction> wide;
  for (int i = 0; i < 30; ++i) {
    const std::string next = "F" + std::to_string(i + 1);
    wide.push_back(function_of("F" + std::to_string(i),
                               i == 29 ? std::vector<std::string>{"Relu"} : std::vector<std::string>{next, next}));
  }
  EXPECT_ERROR(verify(calling(wide)), Code::kExhausted, "the calls of functions stand for more than 1000000 nodes");
}

}  // namespace
}  // namespace arete::graph
