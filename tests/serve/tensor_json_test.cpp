#include "serve/tensor_json.h"

#include <cmath>
#include <limits>

#include "tests/support/assert.h"

namespace arete::serve {
namespace {

Json parse(const std::string& text) {
  Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return json ? std::move(*json) : Json();
}

Result<Tensor> read(const std::string& text, DType dtype) { return json_to_tensor(parse(text), dtype, "x"); }

TEST(JsonToTensor, TakesItsShapeFromTheLists) {
  const Result<Tensor> tensor = read("[[1,2,3],[4,5,6.5]]", DType::kFloat32);
  ASSERT_OK(tensor);
  EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
  EXPECT_EQ(tensor->data<float>()[5], 6.5F);
  ASSERT_OK(read("7", DType::kInt64));
  EXPECT_EQ(read("7", DType::kInt64)->shape(), Shape{});
  EXPECT_EQ(read("[]", DType::kFloat32)->shape(), Shape{0});
  EXPECT_EQ(read("[[],[]]", DType::kFloat32)->shape(), (Shape{2, 0}));
}

TEST(JsonToTensor, KeepsIntegersExact) {
  const Result<Tensor> tensor = read("[9223372036854775807,-9223372036854775808,9007199254740993]", DType::kInt64);
  ASSERT_OK(tensor);
  EXPECT_EQ(tensor->data<std::int64_t>()[0], INT64_MAX);
  EXPECT_EQ(tensor->data<std::int64_t>()[1], INT64_MIN);
  EXPECT_EQ(tensor->data<std::int64_t>()[2], 9007199254740993);
  EXPECT_EQ(read("18446744073709551615", DType::kUint64)->data<std::uint64_t>()[0], UINT64_MAX);
  EXPECT_EQ(read("-3.0", DType::kInt8)->data<std::int8_t>()[0], -3);
  EXPECT_EQ(read("-9223372036854775808.0", DType::kInt64)->data<std::int64_t>()[0], INT64_MIN);
}

TEST(JsonToTensor, RefusesWhatDoesNotFit) {
  EXPECT_ERROR(read("[0,[256]]", DType::kUint8), Code::kInvalid, "list");
  EXPECT_ERROR(read("[0,256]", DType::kUint8), Code::kInvalid, "input 'x': [1] is 256, out of range for uint8");
  EXPECT_ERROR(read("[-1]", DType::kUint64), Code::kInvalid, "out of range");
  EXPECT_ERROR(read("[9223372036854775808]", DType::kInt64), Code::kInvalid, "out of range");
  EXPECT_ERROR(read("[9223372036854775808.0]", DType::kInt64), Code::kInvalid, "out of range");
  EXPECT_ERROR(read("[1e300]", DType::kInt8), Code::kInvalid, "out of range");
  EXPECT_ERROR(read("[0.5]", DType::kInt32), Code::kInvalid, "is 0.5, no int32");
  EXPECT_ERROR(read("[1e39]", DType::kFloat32), Code::kInvalid, "out of range for float32");
  EXPECT_ERROR(read("[65520]", DType::kFloat16), Code::kInvalid, "out of range for float16");
  EXPECT_ERROR(read("[[1],[null]]", DType::kFloat32), Code::kInvalid, "[1][0] is null, no float32 (JSON has no NaN");
  EXPECT_ERROR(read("[\"1\"]", DType::kFloat32), Code::kInvalid, "no float32");
  EXPECT_ERROR(read("[true]", DType::kFloat32), Code::kInvalid, "no float32");
  EXPECT_ERROR(read("[2]", DType::kBool), Code::kInvalid, "no bool");
  EXPECT_ERROR(read("[1]", DType::kString), Code::kInvalid, "no string");
  EXPECT_ERROR(read("{\"a\":1}", DType::kFloat32), Code::kInvalid, "an object, no float32");
  EXPECT_ERROR(read("[1]", DType::kComplex64), Code::kUnsupported, "complex64");
  EXPECT_ERROR(read("[1]", DType::kInt4), Code::kUnsupported, "int4");
}

TEST(JsonToTensor, NamesRaggedLists) {
  EXPECT_ERROR(read("[[1,2],[3]]", DType::kFloat32), Code::kInvalid,
               "[1] is a list of 1, its neighbours are lists of 2");
  EXPECT_ERROR(read("[[1,2],3]", DType::kFloat32), Code::kInvalid, "[1] is 3, its neighbours are lists of 2");
  EXPECT_ERROR(read("[[],[1]]", DType::kFloat32), Code::kInvalid, "[1] is a list of 1");
}

// Only the first path of a list decides the shape: the memory must not be asked for before the
// other lists are seen to be there.
TEST(JsonToTensor, IsNotFooledByALongFirstPath) {
  std::string text = std::string(5, '[');
  for (int axis = 0; axis < 5; ++axis) {
    for (int i = 0; i < 2000; ++i) text += axis == 0 ? "0," : "1,";
    text.back() = ']';
    if (axis < 4) text += ",";
  }
  EXPECT_ERROR(read(text, DType::kFloat32), Code::kInvalid, "neighbours");
}

TEST(JsonToTensor, BoundsTheAxes) {
  const std::string text = std::string(64, '[') + std::string(64, ']');
  ASSERT_OK(read(text, DType::kFloat32));
  Json deep = Json::array();
  for (int i = 0; i < 64; ++i) deep = Json(Json::Array{deep});
  EXPECT_ERROR(json_to_tensor(deep, DType::kFloat32, "x"), Code::kInvalid, "more than 64 axes");
}

TEST(JsonToTensor, TakesBoolsHalvesAndStrings) {
  const Result<Tensor> bools = read("[true,0,1]", DType::kBool);
  ASSERT_OK(bools);
  EXPECT_TRUE(bools->data<bool>()[0]);
  EXPECT_FALSE(bools->data<bool>()[1]);
  EXPECT_EQ(tensor_to_json(*read("[0.1,-2]", DType::kFloat16))->dump(), "[0.099975586,-2.0]");
  EXPECT_EQ(tensor_to_json(*read(R"([["a"],["ü"]])", DType::kString))->dump(), R"([["a"],["ü"]])");
}

TEST(TensorToJson, WritesShortNumbersThatReadBackEqual) {
  const Tensor tensor = Tensor::of<float>({2, 2}, {0.1F, 1e-30F, -0.0F, 3.4028235e38F});
  EXPECT_EQ(tensor_to_json(tensor)->dump(), "[[0.1,1e-30],[-0.0,3.4028235e+38]]");
  for (float value = 1e-37F; value < 1e37F; value *= 1.37F) {
    const Result<Json> json = Json::parse(shortest_number(value).dump());
    ASSERT_OK(json);
    EXPECT_EQ(static_cast<float>(json->as_double()), value);
  }
}

TEST(TensorToJson, WritesNanAsNull) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(tensor_to_json(Tensor::of<float>({3}, {NAN, infinity, 1.0F}))->dump(), "[null,null,1.0]");
  EXPECT_EQ(tensor_to_json(Tensor::of<double>({1}, {static_cast<double>(infinity)}))->dump(), "[null]");
}

TEST(TensorToJson, KeepsTheWholeRangeOfIntegers) {
  EXPECT_EQ(tensor_to_json(Tensor::of<std::uint64_t>({2}, {UINT64_MAX, 0}))->dump(), "[18446744073709551615,0]");
  EXPECT_EQ(tensor_to_json(Tensor::scalar<std::int64_t>(INT64_MIN))->dump(), "-9223372036854775808");
  EXPECT_EQ(tensor_to_json(Tensor::of<bool>({2}, {true, false}))->dump(), "[true,false]");
}

TEST(TensorToJson, TakesBfloat16AndRefusesTheRest) {
  Result<Tensor> brain = Tensor::zeros(DType::kBfloat16, {1});
  ASSERT_OK(brain);
  EXPECT_EQ(tensor_to_json(*brain)->dump(), "[0.0]");
  EXPECT_ERROR(tensor_to_json(*Tensor::zeros(DType::kComplex64, {1})), Code::kUnsupported, "complex64");
  EXPECT_ERROR(tensor_to_json(*Tensor::zeros(DType::kInt8, {kMaxJsonElements + 1})), Code::kExhausted, "4194304");
}

}  // namespace
}  // namespace arete::serve
