// The ONNX Runtime engine through its real library, on models of make_models.py.
#include "engine/onnxruntime/onnxruntime.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/host.h"
#include "engine/onnx_scan.h"
#include "os/base/files.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"
#include "tests/support/sanitizers.h"

namespace arete::engine {
namespace {

std::string library_path() { return std::string(ARETE_BINARY_DIR) + "/lib/libonnxruntime.so.1"; }

SessionOptions with_threads(int threads) {
  SessionOptions options;
  options.threads = threads;
  return options;
}

std::unique_ptr<Engine> make_engine() {
  Result<std::unique_ptr<Engine>> engine = make_onnxruntime({{library_path()}});
  EXPECT_TRUE(engine.has_value()) << (engine ? "" : to_string(engine.error()));
  return engine ? std::move(*engine) : nullptr;
}

class OnnxRuntime : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_MODELS(folder_);
    ASSERT_NE(engine_, nullptr);
  }

  std::string path(const std::string& name) const { return folder_ + "/" + name + ".onnx"; }

  Result<std::unique_ptr<Session>> open(const std::string& name, const SessionOptions& options = with_threads(1)) {
    ASSIGN_OR_RETURN(const ModelSource source, ModelSource::from_file(os::real_file_system(), path(name)));
    return engine_->open(source, options);
  }

  Result<std::vector<Tensor>> run(const std::string& name, std::vector<NamedTensor> inputs) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, open(name));
    return session->run(inputs);
  }

  // The op types that the engine's own optimised form of a model holds.
  std::map<std::string, std::int64_t, std::less<>> optimised_ops(const std::string& name) {
    const std::string out = testing::TempDir() + "/arete_" + name + "_optimised.onnx";
    SessionOptions options = with_threads(1);
    options.optimised_model_path = out;
    const auto session = open(name, options);
    EXPECT_TRUE(session.has_value()) << (session ? "" : to_string(session.error()));
    const std::string text = os::read_file(os::real_file_system(), out, 1 << 24).value_or("");
    const auto scan = scan_onnx(std::as_bytes(std::span(text)));
    std::filesystem::remove(out);
    EXPECT_TRUE(scan.has_value());
    return scan ? scan->ops : decltype(scan->ops)();
  }

  std::string folder_ = test::python_models("tests/engine/make_models.py");
  std::unique_ptr<Engine> engine_ = make_engine();
};

Tensor counting(DType dtype, Shape shape) {
  Tensor tensor = *Tensor::zeros(dtype, std::move(shape));
  std::span<std::byte> bytes = tensor.mutable_bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i % 2);
  return tensor;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

TEST_F(OnnxRuntime, SaysItsNameAndVersion) {
  EXPECT_EQ(engine_->name(), "onnxruntime");
  EXPECT_TRUE(engine_->version().starts_with("1.")) << engine_->version();
  EXPECT_GT(engine_->resident_bytes(), 1U << 20);
}

TEST_F(OnnxRuntime, PassesEveryDtype) {
  for (int number = 1; number < kDTypeCount; ++number) {
    const auto dtype = static_cast<DType>(number);
    const bool four_bit = bits_of(dtype) == 4 || bits_of(dtype) == 2 || bits_of(dtype) == 6;
    if (four_bit || dtype == DType::kString || dtype == DType::kFloat8E8M0) continue;
    SCOPED_TRACE(std::string(name_of(dtype)));
    const std::string name = "identity_" + std::to_string(number);
    if (dtype == DType::kComplex64 || dtype == DType::kComplex128) {
      EXPECT_ERROR(open(name), Code::kUnsupported, std::string(name_of(dtype)));
      continue;
    }
    const Tensor given = counting(dtype, {2, 3});
    const auto outputs = run(name, {{"x", given}});
    ASSERT_OK(outputs);
    EXPECT_TRUE(same_bytes((*outputs)[0], given));
    // No elements at all.
    const auto empty = run(name, {{"x", *Tensor::zeros(dtype, {0, 3})}});
    ASSERT_OK(empty);
    EXPECT_EQ((*empty)[0].shape(), (Shape{0, 3}));
  }
}

TEST_F(OnnxRuntime, RefusesDtypesThatItLacksByName) {
  for (const DType dtype : {DType::kFloat4E2M1, DType::kFloat8E8M0, DType::kUint2, DType::kInt2}) {
    const std::string name = "identity_" + std::to_string(static_cast<int>(dtype));
    EXPECT_ERROR(open(name), Code::kUnsupported, std::string(name_of(dtype)));
  }
}

TEST_F(OnnxRuntime, PassesStringsWithZeroBytes) {
  const std::vector<std::string> values = {"", "é", std::string("a\0b", 3)};
  const auto outputs = run("identity_8", {{"x", *Tensor::of_strings({1, 3}, values)}});
  ASSERT_OK(outputs);
  EXPECT_TRUE(std::ranges::equal((*outputs)[0].strings(), values));
}

TEST_F(OnnxRuntime, PassesPackedFourBitNumbers) {
  const auto packed = run("to_int4", {{"x", Tensor::of<float>({3}, {-8, 7, 1})}});
  ASSERT_OK(packed);
  EXPECT_EQ((*packed)[0].dtype(), DType::kInt4);
  EXPECT_EQ((*packed)[0].size_bytes(), 2U);
  const auto unpacked = run("from_int4", {{"x", (*packed)[0]}});
  ASSERT_OK(unpacked);
  EXPECT_TRUE(same_bytes((*unpacked)[0], Tensor::of<float>({3}, {-8, 7, 1})));
  const auto unsigned_packed = run("to_uint4", {{"x", Tensor::of<float>({3}, {0, 15, 1})}});
  ASSERT_OK(unsigned_packed);
  const auto back = run("from_uint4", {{"x", (*unsigned_packed)[0]}});
  ASSERT_OK(back);
  EXPECT_TRUE(same_bytes((*back)[0], Tensor::of<float>({3}, {0, 15, 1})));
}

TEST_F(OnnxRuntime, RunsSeveralInputsAndOutputsWithADynamicBatch) {
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  EXPECT_EQ(describe((*session)->inputs()[0]), "float32[batch,2]");
  EXPECT_EQ(describe((*session)->inputs()[1]), "int64[2]");
  EXPECT_EQ((*session)->outputs()[2].name, "total");
  EXPECT_TRUE((*session)->outputs()[2].known_shape);
  for (const std::int64_t batch : {1, 5, 0, 2}) {
    const std::vector<float> ones(static_cast<std::size_t>(batch) * 2, 1.0F);
    const std::vector<NamedTensor> inputs = {{"b", Tensor::of<std::int64_t>({2}, {10, 20})},
                                             {"a", Tensor::of<float>({batch, 2}, std::span<const float>(ones))}};
    const auto outputs = (*session)->run(inputs);
    ASSERT_OK(outputs);
    EXPECT_EQ((*outputs)[0].shape(), (Shape{batch, 2}));
    EXPECT_EQ((*outputs)[2].shape(), Shape{});
    EXPECT_EQ((*outputs)[2].data<float>()[0], 32.0F * static_cast<float>(batch));
    if (batch > 0) {
      EXPECT_EQ((*outputs)[1].data<float>()[1], -19.0F);
    }
  }
}

TEST_F(OnnxRuntime, TellsScalarsFromUnknownRanks) {
  const auto scalar = open("scalar");
  ASSERT_OK(scalar);
  EXPECT_EQ(describe((*scalar)->inputs()[0]), "float32[]");
  EXPECT_EQ((*(*scalar)->run(std::vector<NamedTensor>{{"x", Tensor::scalar(3.0F)}}))[0].data<float>()[0], 6.0F);
  const auto unknown = open("unknown_rank");
  ASSERT_OK(unknown);
  EXPECT_EQ(describe((*unknown)->inputs()[0]), "float32[...]");
  for (const Shape& shape : {Shape{}, Shape{4}, Shape{1, 2, 3}}) {
    const std::vector<NamedTensor> inputs = {{"x", *Tensor::zeros(DType::kFloat32, shape)}};
    EXPECT_EQ((*(*unknown)->run(inputs))[0].shape(), shape);
  }
}

TEST_F(OnnxRuntime, TakesUnalignedBytes) {
  std::string bytes(1 + 6 * 4, '\0');
  const float value = 2.5F;
  std::memcpy(bytes.data() + 1, &value, 4);
  const SharedBytes shared = share_bytes(std::move(bytes));
  const Tensor tensor = *Tensor::wrap(DType::kFloat32, {2, 3}, {shared.owner, shared.view.subspan(1)});
  const auto outputs = run("identity_1", {{"x", tensor}});
  ASSERT_OK(outputs);
  EXPECT_EQ((*outputs)[0].data<float>()[0], 2.5F);
}

TEST_F(OnnxRuntime, OutputsOutliveSessionAndEngine) {
  std::vector<Tensor> kept;
  {
    const auto session = open("initialiser_out");
    ASSERT_OK(session);
    auto outputs = (*session)->run(std::vector<NamedTensor>{{"x", Tensor::of<float>({1}, {2})}});
    ASSERT_OK(outputs);
    kept = std::move(*outputs);
  }
  engine_.reset();
  EXPECT_EQ(kept[0].data<float>()[0], -2.0F);
  EXPECT_TRUE(same_bytes(kept[1], Tensor::of<float>({4}, {0, 1, 2, 3})));
}

TEST_F(OnnxRuntime, HandsAnInputThroughAndKeepsItAlive) {
  std::vector<Tensor> kept;
  {
    auto outputs = run("handed_through", {{"x", Tensor::of<float>({2}, {1, 2})}});
    ASSERT_OK(outputs);
    kept = std::move(*outputs);
  }
  EXPECT_TRUE(same_bytes(kept[1], Tensor::of<float>({2}, {1, 2})));
}

TEST_F(OnnxRuntime, RunsFromManyThreadsAtOnce) {
  const auto session = open("two_in_three_out", with_threads(2));
  ASSERT_OK(session);
  EXPECT_TRUE((*session)->concurrent());
  std::atomic<int> wrong{0};
  const auto work = [&](float value) {
    const std::vector<NamedTensor> inputs = {{"a", Tensor::of<float>({1, 2}, {value, value})},
                                             {"b", Tensor::of<std::int64_t>({2}, {0, 0})}};
    for (int i = 0; i < 200; ++i) {
      const auto outputs = (*session)->run(inputs);
      if (!outputs || (*outputs)[2].data<float>()[0] != 2 * value) ++wrong;
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(work, static_cast<float>(i));
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(OnnxRuntime, OpensWithAnyNumberOfThreadsInRange) {
  for (const int threads : {0, 1, 2, 5}) ASSERT_OK(open("scalar", with_threads(threads)));
  EXPECT_ERROR(open("scalar", with_threads(-1)), Code::kInvalid, "-1 threads");
  EXPECT_ERROR(open("scalar", with_threads(1 << 20)), Code::kInvalid, "threads");
}

TEST_F(OnnxRuntime, RefusesWrongInputsBeforeARun) {
  const auto session = open("two_in_three_out");
  ASSERT_OK(session);
  const std::vector<NamedTensor> inputs = {{"a", Tensor::of<float>({1, 3}, {1, 2, 3})},
                                           {"b", Tensor::of<std::int64_t>({2}, {0, 0})}};
  EXPECT_ERROR((*session)->run(inputs), Code::kInvalid, "input 'a' wants float32[batch,2], got float32[1,3]");
  EXPECT_ERROR((*session)->run({}), Code::kInvalid, "input 'a' (float32[batch,2]) is missing");
}

TEST_F(OnnxRuntime, SaysWhyARunFails) {
  const Tensor x = *Tensor::zeros(DType::kFloat32, {2, 3});
  const auto failed = run("reshape", {{"x", x}, {"shape", Tensor::of<std::int64_t>({1}, {4})}});
  EXPECT_ERROR(failed, Code::kInvalid, "cannot be reshaped");
  EXPECT_EQ(failed.error().message.find("onnxruntime_src"), std::string::npos) << failed.error().message;
  if (!test::kThrowsBadAlloc) return;
  const auto huge = run("fill", {{"shape", Tensor::of<std::int64_t>({2}, {1 << 30, 1 << 20})}});
  EXPECT_ERROR(huge, Code::kExhausted, "memory");
}

TEST_F(OnnxRuntime, RefusesWhatIsNoTensorByName) {
  EXPECT_ERROR(open("sequence_out"), Code::kUnsupported, "output 'y' is a sequence");
  EXPECT_ERROR(open("map_out"), Code::kUnsupported, "output 'y' is a sequence");
  EXPECT_ERROR(open("optional_in"), Code::kUnsupported, "input 'x' is an optional value");
  EXPECT_ERROR(open("unknown_op"), Code::kUnsupported, "Frobnicate");
}

TEST_F(OnnxRuntime, LeavesOverridableInitialisersOutOfTheInputs) {
  const auto session = open("overridable");
  ASSERT_OK(session);
  EXPECT_EQ((*session)->inputs().size(), 1U);
}

TEST_F(OnnxRuntime, ReadsExternalDataBesideTheModelOnly) {
  const auto outputs = run("external", {{"x", *Tensor::zeros(DType::kFloat32, {4})}});
  ASSERT_OK(outputs);
  EXPECT_TRUE(same_bytes((*outputs)[0], Tensor::of<float>({4}, {0, 1, 2, 3})));
  EXPECT_ERROR(open("external_missing"), Code::kInvalid, "nowhere.bin");
  EXPECT_ERROR(open("external_parent"), Code::kUntrusted, "'../outside.bin'");
  EXPECT_ERROR(open("external_hidden_parent"), Code::kUntrusted, "only files in the model's own folder");
  EXPECT_ERROR(open("external_absolute"), Code::kUntrusted, "/etc/hostname");
  const auto bytes = os::read_file(os::real_file_system(), path("external"), 1 << 20);
  ASSERT_OK(bytes);
  EXPECT_ERROR(engine_->open(ModelSource::from_bytes(*bytes, "a model"), {}), Code::kInvalid,
               "'a model': its weights lie in");
}

// The weights' own memory may change and go once the model is open.
TEST_F(OnnxRuntime, ReadsExternalDataFromMemory) {
  for (const char* const name : {"external", "external_constant"}) {
    SCOPED_TRACE(name);
    for (const bool optimise : {true, false}) {
      auto source = ModelSource::from_files(os::real_file_system(), path(name));
      ASSERT_OK(source);
      ASSERT_EQ(source->external.size(), 1U);
      auto& weights = source->external.begin()->second;
      std::vector<std::byte> own(weights.view.begin(), weights.view.end());
      weights = {nullptr, own};
      SessionOptions options = with_threads(1);
      options.optimise = optimise;
      const auto session = engine_->open(*source, options);
      ASSERT_OK(session);
      std::ranges::fill(own, std::byte{0x7F});
      const auto outputs = (*session)->run(std::vector<NamedTensor>{{"x", *Tensor::zeros(DType::kFloat32, {4})}});
      ASSERT_OK(outputs);
      EXPECT_TRUE(same_bytes((*outputs)[0], Tensor::of<float>({4}, {0, 1, 2, 3})));
    }
  }
}

TEST_F(OnnxRuntime, RefusesExternalDataThatIsNotInMemory) {
  auto source = ModelSource::from_files(os::real_file_system(), path("external"));
  ASSERT_OK(source);
  auto& weights = source->external.begin()->second;
  weights.view = weights.view.first(15);
  EXPECT_ERROR(engine_->open(*source, {}), Code::kInvalid, "external");
  source->external.clear();
  EXPECT_ERROR(engine_->open(*source, {}), Code::kInvalid, "its weights lie in");
  ASSERT_OK(open("external_in_subgraph"));
  source = ModelSource::from_files(os::real_file_system(), path("external_in_subgraph"));
  ASSERT_OK(source);
  EXPECT_ERROR(engine_->open(*source, {}), Code::kUnsupported, "weights of a subgraph");
}

TEST_F(OnnxRuntime, ReadsExternalDataOverTwoGibibytes) {
  const auto session = open("external_large");
  ASSERT_OK(session);
  for (const std::int64_t row : {0, 1, 2303}) {
    const auto outputs = (*session)->run(std::vector<NamedTensor>{{"row", Tensor::scalar(row)}});
    ASSERT_OK(outputs);
    EXPECT_EQ((*outputs)[0].data<float>()[0], row == 1 ? 0.0F : static_cast<float>(row + 1));
  }
}

TEST_F(OnnxRuntime, RefusesBytesThatAreNoModel) {
  const auto open_bytes = [&](std::string bytes) {
    return engine_->open(ModelSource::from_bytes(std::move(bytes), "bad"), {});
  };
  EXPECT_ERROR(open_bytes(""), Code::kCorrupt, "'bad': it holds no ONNX graph");
  EXPECT_ERROR(open_bytes("this is a text file\n"), Code::kCorrupt, "'bad': it is no ONNX model");
  EXPECT_ERROR(open_bytes(std::string("\x3a\x00", 2)), Code::kInvalid, "'bad': ");
  const auto good = os::read_file(os::real_file_system(), path("two_in_three_out"), 1 << 20);
  ASSERT_OK(good);
  for (std::size_t length = 0; length < good->size(); ++length) {
    const auto session = open_bytes(good->substr(0, length));
    // A cut behind the graph leaves a whole graph without its opset, which some versions take.
    EXPECT_TRUE(!session || length > good->size() - 8) << length;
  }
}

TEST_F(OnnxRuntime, FoldsWeightsThatAreDequantisedOnly) {
  EXPECT_FALSE(optimised_ops("weight_only").contains("DequantizeLinear"));
  EXPECT_TRUE(optimised_ops("weight_only_int4").contains("MatMulNBits"));
  const auto static_ops = optimised_ops("static_int8");
  EXPECT_TRUE(static_ops.contains("QLinearConv"));
  EXPECT_FALSE(static_ops.contains("Conv"));
  const std::vector<NamedTensor> inputs = {{"x", *Tensor::zeros(DType::kFloat32, {1, 4, 8, 8})},
                                           {"c", Tensor::scalar(true)}};
  ASSERT_OK(run("weight_only_in_branch", inputs));
}

TEST_F(OnnxRuntime, CanLeaveTheGraphAsItIs) {
  SessionOptions options = with_threads(1);
  options.optimise = false;
  const auto plain = open("static_int8", options);
  ASSERT_OK(plain);
  const auto optimised = open("static_int8");
  ASSERT_OK(optimised);
  const std::vector<NamedTensor> inputs = {{"x", *Tensor::zeros(DType::kFloat32, {1, 4, 8, 8})}};
  EXPECT_TRUE(same_bytes((*(*plain)->run(inputs))[0], (*(*optimised)->run(inputs))[0]));
}

// Where the CPU adds pairs of int8 products in 16 bits, the heaviest weights lose half their sum:
// 36 * 127 * 0.01 = 45.72, but 23 came out.
TEST_F(OnnxRuntime, DoesNotSaturateInt8Products) {
  const std::vector<float> ones(4 * 8 * 8, 1.0F);
  const auto outputs =
      run("static_int8_extreme", {{"x", Tensor::of<float>({1, 4, 8, 8}, std::span<const float>(ones))}});
  ASSERT_OK(outputs);
  for (const float value : (*outputs)[0].data<float>()) ASSERT_NEAR(value, 45.72F, 0.13F);
  const auto dynamic =
      run("dynamic_int8_extreme", {{"x", Tensor::of<float>({2, 64}, std::span<const float>(ones).first(128))}});
  ASSERT_OK(dynamic);
  for (const float value : (*dynamic)[0].data<float>()) ASSERT_NEAR(value, 64 * 1.27F, 0.01F);
}

TEST(OnnxRuntimeLibrary, SaysWhatItTried) {
  EXPECT_ERROR(make_onnxruntime({{}}), Code::kUnavailable, "--engine-lib");
  const std::string text = testing::TempDir() + "/arete_no_library.so";
  std::ofstream(text) << "no library";
  const auto failed = make_onnxruntime({{"/nowhere/libonnxruntime.so.1", text}});
  EXPECT_ERROR(failed, Code::kUnavailable, "'/nowhere/libonnxruntime.so.1' (");
  EXPECT_ERROR(failed, Code::kUnavailable, text);
  EXPECT_ERROR(make_onnxruntime({{"libz.so.1"}}), Code::kUnavailable, "libz.so.1");
  std::filesystem::remove(text);
}

// One large batch must not cost its memory for as long as the session lives, nor a closed model its own.
TEST_F(OnnxRuntime, GivesTheMemoryOfALargeRunBack) {
  // Of 128 MB that a run takes; sanitizers keep freed memory.
  constexpr std::uint64_t kSlackBytes = test::kSanitized ? std::uint64_t{8} << 30 : 8 << 20;
  std::uint64_t before = 0;
  {
    const auto session = open("unknown_rank");
    ASSERT_OK(session);
    const auto negate = [&](std::int64_t elements) {
      return (*session)->run(std::vector<NamedTensor>{{"x", *Tensor::zeros(DType::kFloat32, {elements})}});
    };
    ASSERT_OK(negate(10));
    before = engine_->resident_bytes();
    for (int peak = 0; peak < 2; ++peak) {
      ASSERT_OK(negate(16 << 20));
      for (int i = 0; i < 20; ++i) ASSERT_OK(negate(10));
      EXPECT_LT(engine_->resident_bytes(), before + kSlackBytes);
    }
    ASSERT_OK(negate(16 << 20));
  }
  EXPECT_LT(engine_->resident_bytes(), before + kSlackBytes);
}

// Its builds upload what they saw of a machine unless they are told not to before they start.
TEST_F(OnnxRuntime, KeepsNoDatabaseOfEvents) {
  ASSERT_OK(open("scalar"));
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the folder's own descriptor
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    EXPECT_EQ(target.find("onnxruntime.db"), std::string::npos) << target;
  }
}

TEST(OnnxRuntimeLibrary, TakesTheFirstThatWorks) {
  ASSERT_OK(make_onnxruntime({{"/nowhere/libonnxruntime.so.1", library_path()}}));
  ASSERT_OK(make_onnxruntime({{library_path()}}));
}

}  // namespace
}  // namespace arete::engine
