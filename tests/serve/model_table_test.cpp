// Which version answers: loading, swapping, sharing, sleeping. Models are lambdas.
#include "serve/model_table.h"

#include <atomic>
#include <filesystem>
#include <numeric>
#include <thread>

#include "tests/serve/fake_server.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using os::HttpResponse;
using test::FakeModel;
using test::FakeServer;

const std::vector<ValueInfo> kX = {{"x", DType::kFloat32, {-1, 1}}};
const std::vector<ValueInfo> kY = {{"y", DType::kFloat32, {-1, 1}}};
constexpr std::string_view kAsk = R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})";

// y = x * factor
FakeModel times(float factor) {
  return {kX, kY, [factor](std::span<const NamedTensor> inputs) {
            Tensor y = inputs[0].tensor;
            for (float& value : y.mutable_data<float>()) value *= factor;
            return std::vector<Tensor>{std::move(y)};
          }};
}

FakeModel broken() {
  FakeModel model = times(1);
  model.inputs.clear();
  return model;
}

double answer_of(FakeServer& server, const std::string& path) {
  const Json json = server.ask_json("POST", path, std::string(kAsk));
  const Json* outputs = json.find("outputs");
  return outputs == nullptr ? -1 : outputs->as_array()[0].find("data")->as_array()[0].as_double();
}

TEST(Versions, AreOrderedByNumber) {
  EXPECT_TRUE(is_older("2", "10"));
  EXPECT_FALSE(is_older("10", "2"));
  EXPECT_TRUE(is_older("10", "v2"));
  EXPECT_TRUE(is_older("a", "b"));
}

TEST(Split, IsParsed) {
  const auto shares = parse_split("v1=90,v2=10");
  ASSERT_OK(shares);
  EXPECT_EQ(shares->at(1).version, "v2");
  EXPECT_EQ(shares->at(1).weight, 10);
  for (const char* bad : {"", "v1", "v1=", "=3", "v1=x", "v1=-1", "v1=0", "v1=1,v2"})
    EXPECT_FALSE(parse_split(bad)) << bad;
}

TEST(ModelTable, TheNewestAnswersAndEachByItsVersionWhenLoaded) {
  FakeServer server;
  server.add("m", "2", times(2));
  server.add("m", "10", times(10));
  server.load("m");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 10);
  EXPECT_EQ(answer_of(server, "/v2/models/m/versions/10/infer"), 10);
  EXPECT_EQ(server.ask("POST", "/v2/models/m/versions/2/infer", std::string(kAsk)).status, 503);
  EXPECT_EQ(server.ask("POST", "/v2/models/m/versions/3/infer", std::string(kAsk)).status, 404);
}

TEST(ModelTable, ALoadSwapsAndAFailedOneChangesNothing) {
  FakeServer server;
  server.add("m", "1", times(1));
  server.load("m");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  server.add("m", "2", times(2));
  server.load("m");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 2);
  server.add("m", "3", broken());
  EXPECT_ERROR(server.table().load("m"), Code::kInvalid, "no inputs");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 2);
  server.load("m", "1");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  EXPECT_ERROR(server.table().load("m", "9"), Code::kNotFound, "no version '9'");
  EXPECT_ERROR(server.table().load("other"), Code::kNotFound, "other");
}

TEST(ModelTable, AVersionThatDoesNotGiveItsGoldenAnswersIsRefused) {
  FakeServer server;
  server.add("m", "1", times(1));
  server.add("m", "2", times(2));
  server.load("m", "1");
  proof::Golden golden;
  golden.samples.push_back({{{"x", Tensor::of<float>({1, 1}, {1.0F})}}, {{"y", Tensor::of<float>({1, 1}, {2.1F})}}});
  golden.tolerances = {0.01};
  const auto bytes = proof::write_golden(golden);
  ASSERT_OK(bytes);
  ASSERT_OK(os::write_text(server.files(), "repo/m/2/model.golden.npz", *bytes));
  EXPECT_ERROR(server.table().load("m", "2"), Code::kInvalid, "golden sample 0");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  golden.tolerances = {0.1};
  ASSERT_OK(os::write_text(server.files(), "repo/m/2/model.golden.npz", *proof::write_golden(golden)));
  server.load("m", "2");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 2);
}

TEST(ModelTable, UnloadedModelsDoNotAnswer) {
  FakeServer server;
  server.add("m", "1", times(1));
  server.load("m");
  ASSERT_OK(server.table().unload("m"));
  EXPECT_EQ(server.ask("POST", "/v2/models/m/infer", std::string(kAsk)).status, 503);
  EXPECT_ERROR(server.table().unload("m"), Code::kNotFound, "not loaded");
  server.load("m");
  EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
}

TEST(ModelTable, SharesRequestsByWeight) {
  TableOptions options;
  options.traffic["m"].split = *parse_split("v1=3,v2=1");
  FakeServer server(std::move(options));
  server.add("m", "1", times(1));
  server.add("m", "2", times(2));
  server.load("m");
  int second = 0;
  for (int i = 0; i < 40; ++i) second += answer_of(server, "/v2/models/m/infer") == 2 ? 1 : 0;
  EXPECT_EQ(second, 10);
}

TEST(ModelTable, AShadowIsComparedAndAnswersNobody) {
  TableOptions options;
  options.traffic["m"].shadow = "v2";
  FakeServer server(std::move(options));
  server.add("m", "1", times(1));
  server.add("m", "2", times(2));
  server.load("m");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  const std::string wanted = R"(arete_shadow_answers_total{model="m",version="2",answer="different"} 5)";
  for (int i = 0; i < 500 && server.ask("GET", "/metrics").body.find(wanted) == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_NE(server.ask("GET", "/metrics").body.find(wanted), std::string::npos);
}

TEST(ModelTable, BelowACeilingTheLeastUsedSleepsAndWakesWhenAsked) {
  TableOptions options;
  options.max_model_bytes = 7;  // two files of three bytes
  FakeServer server(std::move(options));
  for (const char* name : {"a", "b", "c"}) server.add(name, "1", times(1));
  server.load("a");
  server.load("b");
  EXPECT_EQ(answer_of(server, "/v2/models/a/infer"), 1);
  server.load("c");
  EXPECT_TRUE(server.table().is_asleep("b"));
  EXPECT_FALSE(server.table().is_asleep("a"));
  EXPECT_EQ(server.ask("GET", "/v2/models/b/ready").status, 200);
  EXPECT_EQ(answer_of(server, "/v2/models/b/infer"), 1);
  EXPECT_FALSE(server.table().is_asleep("b"));
  EXPECT_EQ(server.table().ready().size(), 2U);
}

TEST(ModelTable, ANewVersionLeavesASplitAsItIs) {
  TableOptions options;
  options.traffic["m"].split = *parse_split("v1=1,v2=1");
  FakeServer server(std::move(options));
  for (const char* version : {"1", "2"}) server.add("m", version, times(1));
  server.load("m");
  server.add("m", "3", times(3));
  server.load("m");
  EXPECT_EQ(server.ask("GET", "/v2/health/ready").status, 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  // One that is asked for by its number answers beside it.
  server.load("m", "3");
  EXPECT_EQ(server.ask("GET", "/v2/health/ready").status, 200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(answer_of(server, "/v2/models/m/infer"), 1);
  EXPECT_EQ(answer_of(server, "/v2/models/m/versions/3/infer"), 3);
}

TEST(ModelTable, AModelThatSleepsCanBeUnloaded) {
  TableOptions options;
  options.max_model_bytes = 3;
  FakeServer server(std::move(options));
  for (const char* name : {"a", "b"}) server.add(name, "1", times(1));
  server.load("a");
  server.load("b");
  ASSERT_TRUE(server.table().is_asleep("a"));
  ASSERT_OK(server.table().unload("a"));
  EXPECT_FALSE(server.table().is_asleep("a"));
  EXPECT_EQ(server.ask("POST", "/v2/models/a/infer", std::string(kAsk)).status, 503);
  EXPECT_ERROR(server.table().unload("a"), Code::kNotFound, "not loaded");
  EXPECT_EQ(server.ask("GET", "/v2/health/ready").status, 200);
}

TEST(ModelTable, AnUnloadedVersionIsNotWaitedFor) {
  FakeServer server;
  server.add("m", "1", times(1));
  server.load("m");
  ASSERT_OK(server.table().unload("m", "1"));
  EXPECT_EQ(server.ask("GET", "/v2/health/ready").status, 200);
}

TEST(ModelTable, WhatCannotFitPutsNobodyToSleep) {
  TableOptions options;
  options.max_model_bytes = 12;
  FakeServer server(std::move(options));
  server.add("a", "1", times(1));
  server.add("large", "100000", times(1));  // 12 bytes: fits alone, but not beside its own successor
  server.add("large", "100001", times(2));
  server.load("large", "100000");
  server.load("a");
  EXPECT_TRUE(server.table().is_asleep("large"));
  EXPECT_EQ(answer_of(server, "/v2/models/large/infer"), 1);
  EXPECT_TRUE(server.table().is_asleep("a"));
  server.add("over", "10000000", times(1));
  EXPECT_ERROR(server.table().load("over"), Code::kExhausted, "ceiling");
  EXPECT_ERROR(server.table().load("large", "100001"), Code::kExhausted, "ceiling");
  EXPECT_EQ(answer_of(server, "/v2/models/large/infer"), 1);
}

TEST(ModelTable, LoadsAtOnceStayBelowTheCeiling) {
  TableOptions options;
  options.max_model_bytes = 3;
  FakeServer server(std::move(options));
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  for (const std::string& name : names) {
    FakeModel model = times(1);
    model.run = [run = model.run](std::span<const NamedTensor> inputs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // all open at once
      return run(inputs);
    };
    server.add(name, "1", std::move(model));
  }
  server.dispatcher();
  std::vector<std::thread> threads;
  for (const std::string& name : names) threads.emplace_back([&server, name] { server.load(name); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.table().ready().size(), 1U);
}

// An engine that meets the file while somebody overwrites it.
class CuttingEngine final : public engine::Engine {
 public:
  explicit CuttingEngine(std::string path) : path_(std::move(path)) {}
  std::string name() const override { return "none"; }
  std::string version() const override { return "1"; }
  Result<std::unique_ptr<engine::Session>> open(const engine::ModelSource& source,
                                                const engine::SessionOptions& /*options*/) override {
    std::filesystem::resize_file(path_, 0);
    sum = std::accumulate(source.bytes.view.begin(), source.bytes.view.end(), 0,
                          [](int total, std::byte one) { return total + std::to_integer<int>(one); });
    return Error{Code::kInvalid, "no model"};
  }
  int sum = 0;

 private:
  const std::string path_;
};

TEST(ModelTable, AFileThatIsCutWhileItIsOpenedHarmsNobody) {
  const std::string path = ::testing::TempDir() + "arete_cut_model.onnx";
  ASSERT_OK(os::write_text(os::real_file_system(), path, std::string(10'000, '\1')));
  CuttingEngine engine(path);
  Crew crew(2);
  ModelTable table(engine, os::real_file_system(), crew, {});
  ASSERT_OK(table.add({"m", "1", path, ""}));
  EXPECT_ERROR(table.load("m"), Code::kInvalid, "no model");
  EXPECT_EQ(engine.sum, 10'000);
  std::filesystem::remove(path);
}

TEST(ModelTable, NothingOutsideTheRepositoryIsFound) {
  FakeServer server;
  server.add("m", "1", times(1));
  ASSERT_OK(os::write_text(server.files(), "secret/1/model.onnx", "m:1"));
  for (const char* name : {"../secret", "..", ".", "m/1", "/secret", ""})
    EXPECT_FALSE(server.table().load(name)) << name;
}

TEST(ModelTable, EveryRequestDuringSwapsGetsTheAnswerOfOneVersion) {
  FakeServer server;
  server.add("m", "1", times(1));
  server.add("m", "2", times(2));
  server.load("m");
  server.dispatcher();
  std::atomic<bool> done = false;
  std::atomic<int> wrong{0}, asked{0};
  static_cast<void>(server.ask("GET", "/v2"));  // its routes are made before the threads
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const HttpResponse response = server.ask("POST", "/v2/models/m/infer", std::string(kAsk));
        const bool one = response.body.find(R"("model_version":"1")") != std::string::npos;
        const std::string data = one ? R"("data":[1])" : R"("data":[2])";
        wrong += response.status == 200 && response.body.find(data) != std::string::npos ? 0 : 1;
        ++asked;
      }
    });
  }
  for (int i = 0; i < 60 || asked < 200; ++i) server.load("m", i % 2 == 0 ? "1" : "2");
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(asked, 0);
}

}  // namespace
}  // namespace arete::serve
