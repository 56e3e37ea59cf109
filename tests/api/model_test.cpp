// The C++ interface: open, inputs and outputs, run. Against models whose results are known.
#include "arete/model.h"

#include <gmock/gmock.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/api/models.h"

namespace {

using arete::Code;
using arete::DType;
using arete::Model;
using arete::NamedTensor;
using arete::Result;
using arete::Shape;
using arete::Tensor;
using testing::ElementsAre;

class ApiModel : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_MODELS(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name + ".onnx"; }

  const std::string folder_ = arete::test::model_folder();
};

template <class T>
Tensor make(const Shape& shape, std::vector<T> values) {
  return Tensor::of<T>(shape, std::move(values)).value();
}

std::string bytes_of(const Tensor& tensor) {
  return tensor.size_bytes() == 0 ? "" : std::string(static_cast<const char*>(tensor.data()), tensor.size_bytes());
}

TEST(ApiVersion, LibraryAndHeadersAgree) {
  EXPECT_EQ(arete::version(), ARETE_VERSION);
  EXPECT_EQ(arete::version(), std::to_string(ARETE_VERSION_MAJOR) + "." + std::to_string(ARETE_VERSION_MINOR) + "." +
                                  std::to_string(ARETE_VERSION_PATCH));
}

TEST_F(ApiModel, SaysWhatItTakesAndGives) {
  const Result<Model> model = Model::open(path("two_in_three_out"));
  ASSERT_GOOD(model);
  EXPECT_EQ(model->engine().rfind("onnxruntime 1.", 0), 0U) << model->engine();
  ASSERT_EQ(model->inputs().size(), 2U);
  EXPECT_EQ(model->inputs()[0].name, "a");
  EXPECT_EQ(model->inputs()[0].dtype, DType::kFloat32);
  EXPECT_THAT(model->inputs()[0].shape, ElementsAre(-1, 2));
  EXPECT_THAT(model->inputs()[0].axes, ElementsAre("batch", ""));
  EXPECT_EQ(model->inputs()[1].dtype, DType::kInt64);
  ASSERT_EQ(model->outputs().size(), 3U);
  EXPECT_EQ(model->outputs()[2].name, "total");
  EXPECT_TRUE(model->outputs()[2].known_shape);
  EXPECT_TRUE(model->outputs()[2].shape.empty());

  const Result<Model> any = Model::open(path("unknown_rank"));
  ASSERT_GOOD(any);
  EXPECT_FALSE(any->inputs()[0].known_shape);
}

TEST_F(ApiModel, RunsSeveralInputsAndOutputsWithDynamicShapes) {
  const Result<Model> model = Model::open(path("two_in_three_out"));
  ASSERT_GOOD(model);
  for (const std::int64_t batch : {1, 3}) {
    std::vector<float> a;
    for (std::int64_t i = 0; i < batch * 2; ++i) a.push_back(static_cast<float>(i));
    // In another order than the model's.
    const auto outputs = model->run({{"b", make<std::int64_t>({2}, {10, 20})}, {"a", make<float>({batch, 2}, a)}});
    ASSERT_GOOD(outputs);
    ASSERT_EQ(outputs->size(), 3U);
    EXPECT_EQ((*outputs)[0].name, "sum");
    EXPECT_THAT((*outputs)[0].tensor.shape(), ElementsAre(batch, 2));
    const auto sum = (*outputs)[0].tensor.values<float>();
    ASSERT_GOOD(sum);
    EXPECT_EQ(sum->size(), a.size());
    EXPECT_EQ((*sum)[1], 21.0F);
    const auto total = (*outputs)[2].tensor.values<float>();
    ASSERT_GOOD(total);
    ASSERT_EQ(total->size(), 1U);
    float all = 0;
    for (const float value : *sum) all += value;
    EXPECT_EQ((*total)[0], all);
  }
}

TEST_F(ApiModel, OpensBytes) {
  std::ifstream file(path("scalar"), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Result<Model> model = Model::from_bytes(bytes.data(), bytes.size(), "from memory");
  ASSERT_GOOD(model);
  bytes.assign(bytes.size(), 'x');  // the model has its own copy
  const auto outputs = model->run({{"x", make<float>({}, {4.0F})}});
  ASSERT_GOOD(outputs);
  EXPECT_EQ((*outputs->front().tensor.values<float>())[0], 8.0F);
  EXPECT_BAD(Model::from_bytes(bytes.data(), bytes.size(), "garbage"), Code::kCorrupt, "garbage");
  EXPECT_BAD(Model::from_bytes(nullptr, 5), Code::kInvalid, "data is NULL");
  EXPECT_BAD(Model::from_bytes("", 0), Code::kCorrupt, "model");
}

TEST_F(ApiModel, ExternalDataLiesBesideTheModel) {
  const Result<Model> model = Model::open(path("external"));
  ASSERT_GOOD(model);
  const auto outputs = model->run({{"x", make<float>({4}, {1, 1, 1, 1})}});
  ASSERT_GOOD(outputs);
  EXPECT_EQ((*outputs->front().tensor.values<float>())[3], 4.0F);
  EXPECT_FALSE(Model::open(path("external_missing")));
  EXPECT_FALSE(Model::open(path("external_parent")));
}

// Bytes go in and come out unchanged, for every dtype that the engine has; the others are refused by name.
TEST_F(ApiModel, EveryDtypePasses) {
  for (int number = ARETE_FLOAT32; number <= ARETE_INT2; ++number) {
    const auto dtype = static_cast<DType>(number);
    if (dtype == DType::kString || dtype == DType::kInt4 || dtype == DType::kUint4) continue;
    SCOPED_TRACE(name_of(dtype));
    const Result<Model> model = Model::open(path("identity_" + std::to_string(number)));
    if (dtype == DType::kComplex64 || dtype == DType::kComplex128 || number >= ARETE_FLOAT4E2M1) {
      EXPECT_BAD(model, Code::kUnsupported, name_of(dtype));
      continue;
    }
    if (!model && model.error().code == Code::kUnsupported) continue;  // an Identity that the engine lacks
    ASSERT_GOOD(model);
    std::string bytes;
    const bool wide = dtype == DType::kInt64 || dtype == DType::kUint64 || dtype == DType::kFloat64;
    const std::size_t width = wide                                                         ? 8
                              : number == 1 || number == 6 || number == 12                 ? 4
                              : number == 4 || number == 5 || number == 10 || number == 16 ? 2
                                                                                           : 1;
    for (std::size_t i = 0; i < 6 * width; ++i) bytes += static_cast<char>(dtype == DType::kBool ? i % 2 : i + 1);
    const Result<Tensor> x = Tensor::copy(dtype, {2, 3}, bytes.data(), bytes.size());
    ASSERT_GOOD(x);
    const auto outputs = model->run({{"x", *x}});
    ASSERT_GOOD(outputs);
    EXPECT_EQ(outputs->front().tensor.dtype(), dtype);
    EXPECT_THAT(outputs->front().tensor.shape(), ElementsAre(2, 3));
    EXPECT_EQ(bytes_of(outputs->front().tensor), bytes);
  }
}

TEST_F(ApiModel, StringsOfAnyContentPass) {
  const Result<Model> model = Model::open(path("identity_8"));
  ASSERT_GOOD(model);
  const std::string with_nul("a\0b", 3);
  const auto x = Tensor::strings({2, 3}, {"", "é", "longer than what lies inside of a string", "x", with_nul, "z"});
  ASSERT_GOOD(x);
  const auto outputs = model->run({{"x", *x}});
  ASSERT_GOOD(outputs);
  const Tensor& y = outputs->front().tensor;
  EXPECT_EQ(y.size(), 6U);
  EXPECT_EQ(y.string(0), "");
  EXPECT_EQ(y.string(1), "é");
  EXPECT_EQ(y.string(2), "longer than what lies inside of a string");
  EXPECT_EQ(y.string(5), "z");
  EXPECT_EQ(y.string(6), "");
  EXPECT_EQ(x->string(4), with_nul);
  EXPECT_EQ(y.data(), nullptr);
}

// Two a byte, the first in the low half; an odd one leaves the high half empty.
TEST_F(ApiModel, Int4IsPacked) {
  const Result<Model> to = Model::open(path("to_int4"));
  ASSERT_GOOD(to);
  const auto packed = to->run({{"x", make<float>({3}, {1, -2, 7})}});
  ASSERT_GOOD(packed);
  const Tensor& y = packed->front().tensor;
  EXPECT_EQ(y.dtype(), DType::kInt4);
  EXPECT_EQ(y.size(), 3U);
  ASSERT_EQ(y.size_bytes(), 2U);
  EXPECT_EQ(bytes_of(y)[0], '\xE1');
  EXPECT_EQ(bytes_of(y)[1] & 0x0F, 7);

  const Result<Model> from = Model::open(path("from_int4"));
  ASSERT_GOOD(from);
  const auto back = from->run({{"x", y}});  // an output is an input as it is
  ASSERT_GOOD(back);
  EXPECT_THAT(
      std::vector<float>(back->front().tensor.values<float>()->begin(), back->front().tensor.values<float>()->end()),
      ElementsAre(1, -2, 7));
}

TEST_F(ApiModel, HalvesHaveTypes) {
  const Result<Model> model = Model::open(path("identity_10"));
  ASSERT_GOOD(model);
  const auto outputs = model->run({{"x", make<arete::Float16>({1, 3}, {{0x3C00}, {0xC000}, {0}})}});
  ASSERT_GOOD(outputs);
  const auto halves = outputs->front().tensor.values<arete::Float16>();
  ASSERT_GOOD(halves);
  EXPECT_EQ((*halves)[1].bits, 0xC000);
  EXPECT_BAD(outputs->front().tensor.values<float>(), Code::kInvalid, "float16, not float32");
}

TEST_F(ApiModel, ErrorsNameTheThing) {
  EXPECT_BAD(Model::open("nowhere.onnx"), Code::kNotFound, "nowhere.onnx");
  EXPECT_BAD(Model::open(folder_), Code::kInvalid, "folder");
  EXPECT_BAD(Model::open(""), Code::kNotFound, "''");
  EXPECT_BAD(Model::open(arete::test::source_path("README.md")), Code::kCorrupt, "README.md");
  EXPECT_BAD(Model::open(path("unknown_op")), Code::kUnsupported, "Frobnicate");
  EXPECT_BAD(Model::open(path("map_out")), Code::kUnsupported, "sequence");
  arete::ModelOptions options;
  options.threads = -1;
  EXPECT_BAD(Model::open(path("scalar"), options), Code::kInvalid, "-1 threads");
  options = {};
  options.engine = "abacus";
  EXPECT_BAD(Model::open(path("scalar"), options), Code::kNotFound, "abacus");
  options = {};
  options.engine_library = arete::test::source_path("README.md");
  EXPECT_BAD(Model::open(path("scalar"), options), Code::kUnavailable, "README.md");

  const Result<Model> model = Model::open(path("two_in_three_out"));
  ASSERT_GOOD(model);
  const NamedTensor a{"a", make<float>({1, 2}, {1, 2})};
  const NamedTensor b{"b", make<std::int64_t>({2}, {1, 2})};
  EXPECT_BAD(model->run({a}), Code::kInvalid, "'b' (int64[2]) is missing");
  EXPECT_BAD(model->run({}), Code::kInvalid, "'a'");
  EXPECT_BAD(model->run({a, b, {"c", b.tensor}}), Code::kInvalid, "no input 'c'; it has 'a', 'b'");
  EXPECT_BAD(model->run({a, b, b}), Code::kInvalid, "twice");
  EXPECT_BAD(model->run({a, {"b", a.tensor}}), Code::kInvalid, "wants int64[2], got float32[1,2]");
  EXPECT_BAD(model->run({{"a", make<float>({1, 3}, {1, 2, 3})}, b}), Code::kInvalid, "wants float32[batch,2]");
  EXPECT_BAD(model->run({a, {"b", Tensor()}}), Code::kInvalid, "input 'b' is NULL");
}

TEST_F(ApiModel, TensorsOutliveTheirModel) {
  std::vector<NamedTensor> outputs;
  {
    const Result<Model> model = Model::open(path("two_in_three_out"));
    ASSERT_GOOD(model);
    auto ran = model->run({{"a", make<float>({1, 2}, {1, 2})}, {"b", make<std::int64_t>({2}, {1, 2})}});
    ASSERT_GOOD(ran);
    outputs = std::move(*ran);
  }
  EXPECT_EQ((*outputs[2].tensor.values<float>())[0], 6.0F);
}

// An output that is an input must not look at bytes that the caller takes back.
TEST_F(ApiModel, BorrowedBytesAreNeverInAnOutput) {
  const Result<Model> model = Model::open(path("handed_through"));
  ASSERT_GOOD(model);
  std::vector<float> lent = {1, 2};
  std::vector<NamedTensor> outputs;
  {
    const auto x = Tensor::borrow(DType::kFloat32, {2}, lent.data(), lent.size() * sizeof(float));
    ASSERT_GOOD(x);
    EXPECT_EQ(x->data(), lent.data());
    auto ran = model->run({{"x", *x}});
    ASSERT_GOOD(ran);
    outputs = std::move(*ran);
  }
  lent = {7, 7};
  EXPECT_EQ((*outputs[0].tensor.values<float>())[1], -2.0F);
  EXPECT_EQ((*outputs[1].tensor.values<float>())[1], 2.0F);
}

TEST_F(ApiModel, BorrowedBytesMayBeUnaligned) {
  const Result<Model> model = Model::open(path("identity_1"));
  ASSERT_GOOD(model);
  alignas(8) std::array<char, 16> block{};
  const std::array<float, 3> values = {1, 2, 3};
  std::memcpy(block.data() + 1, values.data(), sizeof values);
  const auto x = Tensor::borrow(DType::kFloat32, {1, 3}, block.data() + 1, sizeof values);
  ASSERT_GOOD(x);
  EXPECT_BAD(x->values<float>(), Code::kInvalid, "aligned");
  const auto outputs = model->run({{"x", *x}});
  ASSERT_GOOD(outputs);
  EXPECT_EQ((*outputs->front().tensor.values<float>())[2], 3.0F);
}

TEST_F(ApiModel, RunsFromSeveralThreadsAtOnce) {
  const Result<Model> model = Model::open(path("two_in_three_out"));
  ASSERT_GOOD(model);
  const NamedTensor shared{"b", make<std::int64_t>({2}, {1, 2})};
  std::vector<std::thread> threads;
  std::array<int, 4> right{};
  for (std::size_t t = 0; t < right.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const auto value = static_cast<float>(t * 1000 + static_cast<std::size_t>(i));
        const auto outputs = model->run({{"a", make<float>({1, 2}, {value, 0})}, shared});
        if (outputs && (*(*outputs)[0].tensor.values<float>())[0] == value + 1) ++right[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, ElementsAre(100, 100, 100, 100));
}

TEST(ApiTensor, SizesThatDoNotFitAreNamed) {
  EXPECT_BAD(Tensor::of<float>({2, 3}, {1, 2}), Code::kInvalid, "needs 24 bytes, got 8");
  EXPECT_BAD(Tensor::of<float>({-1}, {1}), Code::kInvalid, "negative");
  EXPECT_BAD(Tensor::of<float>(Shape(65, 1), {1}), Code::kExhausted, "rank 65");
  EXPECT_BAD(Tensor::of<float>({1LL << 40, 1LL << 40}, {1}), Code::kExhausted, "2^40");
  EXPECT_BAD(Tensor::copy(DType::kString, {1}, "x", 1), Code::kInvalid, "arete_tensor_strings");
  EXPECT_BAD(Tensor::copy(DType::kUndefined, {1}, "x", 1), Code::kInvalid, "dtype 0");
  EXPECT_BAD(Tensor::copy(static_cast<DType>(99), {1}, "x", 1), Code::kInvalid, "dtype 99");
  EXPECT_BAD(Tensor::strings({2}, {"one"}), Code::kInvalid, "needs 2 strings, got 1");
  const auto none = Tensor::of<float>({0, 3}, {});
  ASSERT_GOOD(none);
  EXPECT_EQ(none->size(), 0U);
  EXPECT_EQ(none->values<float>()->size(), 0U);
  EXPECT_EQ(Tensor().dtype(), DType::kUndefined);
  EXPECT_TRUE(Tensor().shape().empty());
}

TEST(ApiResult, ValueOfAFailedOneSaysWhy) { EXPECT_DEATH((void)*Model::open("nowhere.onnx"), "nowhere.onnx"); }

// C would read them to the NUL, and open another file or feed another input.
TEST(ApiNames, WithANulAreRefused) {
  const auto opened = Model::open(std::string("model.onnx\0junk", 15));
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find("NUL"), std::string::npos);
}

TEST(ApiTensor, ABoolIsZeroOrOne) {
  const std::uint8_t bytes[] = {0, 1, 77};
  arete_tensor* tensor = nullptr;
  const std::int64_t shape[] = {3};
  arete_status* const status = arete_tensor_copy(ARETE_BOOL, shape, 1, bytes, sizeof(bytes), &tensor);
  ASSERT_NE(status, nullptr);
  EXPECT_EQ(arete_status_code(status), ARETE_INVALID);
  EXPECT_EQ(tensor, nullptr);
  arete_status_free(status);
}

}  // namespace
