// The protobuf walk over models by hand-made bytes, so that hostile ones can be built too.
#include "engine/onnx_scan.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/assert.h"

namespace arete::engine {
namespace {

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  return out + static_cast<char>(value);
}

std::string field(int number, const std::string& content) {
  return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(content.size()) + content;
}

std::string number_field(int number, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(number) << 3) + varint(value);
}

std::string node(const std::string& op, const std::string& attributes = "") {
  return field(1, field(4, op) + attributes);
}

std::string branch(const std::string& graph) { return field(5, field(6, graph)); }

Result<OnnxScan> scan(const std::string& model) { return scan_onnx(std::as_bytes(std::span(model))); }

std::string model_of(const std::string& graph) { return number_field(1, 10) + field(7, graph); }

TEST(OnnxScan, CountsOpsInSubgraphsAndFunctions) {
  const std::string graph = node("Conv") + node("Conv") + node("If", branch(node("Gemm")));
  const std::string function = field(25, field(7, field(4, "Relu")));
  const auto found = scan(model_of(graph) + function);
  ASSERT_OK(found);
  const std::map<std::string, std::int64_t, std::less<>> wanted = {{"Conv", 2}, {"Gemm", 1}, {"If", 1}, {"Relu", 1}};
  EXPECT_EQ(found->ops, wanted);
}

TEST(OnnxScan, FindsExternalFilesAndFourBitWeights) {
  const std::string entry = field(13, field(1, "location") + field(2, "a/b.bin"));
  const std::string other = field(13, field(1, "offset") + field(2, "64"));
  const std::string initialiser = field(5, number_field(2, 22) + other + entry);
  const std::string sparse = field(15, field(1, field(13, field(2, "c.bin") + field(1, "location"))));
  const std::string in_node = node("Constant", field(5, field(5, entry)));
  const auto found = scan(model_of(initialiser + sparse + in_node));
  ASSERT_OK(found);
  EXPECT_EQ(found->external_files, (std::set<std::string, std::less<>>{"a/b.bin", "c.bin"}));
  EXPECT_TRUE(found->has_4_bit_weights);
  EXPECT_FALSE(found->has_external_below);
}

TEST(OnnxScan, TellsWhereExternalDataIsOfASubgraph) {
  const std::string initialiser = field(5, field(13, field(1, "location") + field(2, "a.bin")));
  const auto found = scan(model_of(node("If", field(5, field(6, initialiser)))));
  ASSERT_OK(found);
  EXPECT_TRUE(found->has_external_below);
}

// Whatever a reader makes of keys and values that stand twice, none of the files goes unseen; and it costs one look.
TEST(OnnxScan, EntriesThatSayThingsTwice) {
  std::string entry;
  for (int i = 0; i < 200'000; ++i) entry += field(1, "location");
  entry += field(2, "a.bin") + field(2, "b.bin") + field(1, "offset");
  const auto found = scan(model_of(field(5, field(13, entry))));
  ASSERT_OK(found);
  EXPECT_EQ(found->external_files, (std::set<std::string, std::less<>>{"a.bin", "b.bin"}));
}

TEST(OnnxScan, TellsScalarsFromUnknownRanks) {
  const auto input = [](const std::string& name, const std::string& tensor) {
    return field(11, field(1, name) + field(2, field(1, number_field(1, 7) + tensor)));
  };
  const std::string sequence = field(12, field(1, "s") + field(2, field(4, "")));
  const auto found = scan(model_of(input("scalar", field(2, "")) + input("unknown", "") + sequence));
  ASSERT_OK(found);
  EXPECT_TRUE(found->values.at("scalar").has_shape);
  EXPECT_FALSE(found->values.at("unknown").has_shape);
  EXPECT_EQ(found->values.at("unknown").elem_type, 7);
  EXPECT_EQ(found->values.at("s").elem_type, 0);
}

TEST(OnnxScan, KnowsWhichModelsDequantiseWeightsOnly) {
  const auto only_weights = [](std::initializer_list<const char*> ops) {
    std::string graph;
    for (const char* op : ops) graph += node(op);
    const auto found = scan(model_of(graph));
    return found.has_value() && dequantises_weights_only(*found);
  };
  EXPECT_TRUE(only_weights({"DequantizeLinear", "Conv", "QuickGelu"}));
  EXPECT_FALSE(only_weights({"Conv"}));
  for (const char* op :
       {"QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearAdd", "MatMulInteger", "ConvInteger", "QGemm",
        "QAttention", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "MatMulIntegerToFloat"}) {
    EXPECT_FALSE(only_weights({"DequantizeLinear", op})) << op;
  }
}

TEST(OnnxScan, RefusesWhatIsNoModel) {
  EXPECT_ERROR(scan(""), Code::kCorrupt, "no ONNX graph");
  EXPECT_ERROR(scan("hello world"), Code::kCorrupt, "");
  EXPECT_ERROR(scan(std::string(64, '\xff')), Code::kCorrupt, "no ONNX model");
  EXPECT_ERROR(scan(number_field(1, 10)), Code::kCorrupt, "no ONNX graph");
  // A length of 2^63, and one that wraps a size.
  EXPECT_ERROR(scan(varint(7 << 3 | 2) + varint(1ULL << 63)), Code::kCorrupt, "");
  EXPECT_ERROR(scan(varint(7 << 3 | 2) + std::string(9, '\xff') + "\x01"), Code::kCorrupt, "");
  // Eleven bytes of one number; a group; field number 0.
  EXPECT_ERROR(scan(std::string(11, '\x80')), Code::kCorrupt, "");
  EXPECT_ERROR(scan("\x0b"), Code::kCorrupt, "");
  EXPECT_ERROR(scan(std::string(2, '\0')), Code::kCorrupt, "");
}

TEST(OnnxScan, RefusesEveryTruncation) {
  const std::string model = model_of(node("Conv") + field(5, field(8, "w") + field(9, std::string(40, 'w'))));
  ASSERT_OK(scan(model));
  for (std::size_t length = 0; length < model.size(); ++length) {
    // A cut before the graph leaves a file without one; a cut inside leaves a broken field.
    EXPECT_FALSE(scan(model.substr(0, length)).has_value()) << length;
  }
}

TEST(OnnxScan, SurvivesChangedBytes) {
  const std::string weights = field(5, number_field(2, 22) + field(13, field(1, "location") + field(2, "w")));
  const std::string graph = node("If", branch(node("Conv") + weights)) + weights;
  const std::string input = field(11, field(1, "x") + field(2, field(1, number_field(1, 7) + field(2, ""))));
  const std::string model = model_of(graph + input);
  std::mt19937_64 random(11);
  for (int i = 0; i < 50'000; ++i) {
    std::string changed = model;
    for (std::uint64_t edits = random() % 4 + 1; edits > 0; --edits) {
      changed[random() % changed.size()] = static_cast<char>(random());
    }
    const auto found = scan(changed);
    ASSERT_TRUE(found || found.error().code == Code::kCorrupt) << i;
  }
}

TEST(OnnxScan, LimitsDepthAndNames) {
  std::string graph = node("Relu");
  for (int depth = 1; depth < kMaxScanDepth; ++depth) graph = node("If", branch(graph));
  ASSERT_OK(scan(model_of(graph)));
  EXPECT_ERROR(scan(model_of(node("If", branch(graph)))), Code::kExhausted, "deeper than 40");
  std::string many;
  for (std::size_t i = 0; i <= kMaxScanRows; ++i) many += node(std::to_string(i));
  EXPECT_ERROR(scan(model_of(many)), Code::kExhausted, "a million");
}

TEST(OnnxScan, TakesMillionsOfEmptyNodesInFlatMemory) {
  std::string graph;
  for (int i = 0; i < 2'000'000; ++i) graph += std::string("\x0a\0", 2);
  ASSERT_OK(scan(model_of(graph)));
}

}  // namespace
}  // namespace arete::engine
