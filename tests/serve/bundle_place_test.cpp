// Bundles where a server takes models: their versions, cards and golden answers. Models are lambdas.
#include <gtest/gtest.h>

#include "os/base/machine.h"
#include "serve/model_places.h"
#include "tests/bundle/bundles.h"
#include "tests/serve/fake_server.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using test::FakeModel;
using test::FakeServer;
using test::view;

const std::vector<ValueInfo> kX = {{"x", DType::kFloat32, {-1, 1}}};
const std::vector<ValueInfo> kY = {{"y", DType::kFloat32, {-1, 1}}};

// A file that holds an ONNX graph of that name, and nothing else.
std::string onnx(const std::string& name) {
  const auto field = [](char tag, const std::string& content) {
    return std::string{tag, static_cast<char>(content.size())} + content;
  };
  return field(0x3A, field(0x12, name));
}

// y = x * factor
FakeModel times(float factor) {
  return {kX, kY, [factor](std::span<const NamedTensor> inputs) {
            Tensor y = inputs[0].tensor;
            for (float& value : y.mutable_data<float>()) value *= factor;
            return std::vector<Tensor>{std::move(y)};
          }};
}

std::string golden_of(float factor) {
  const Tensor x = Tensor::of<float>({1, 1}, {3});
  proof::Golden golden;
  golden.samples = {{{{"x", x}}, {{"y", Tensor::of<float>({1, 1}, {3 * factor})}}}};
  golden.tolerances = {1e-4};
  const Result<std::string> bytes = proof::write_golden(golden);
  CHECK(bytes.has_value());
  return *bytes;
}

struct Wanted {
  std::string version = "1.0.0";
  float factor = 2;         // of the model
  float golden_factor = 2;  // of the answers that it must give
  std::string engine = "none";
};

// A bundle "shoes" whose model for any platform multiplies by `factor`, and the one for another by 100 times that,
// which the server's engine knows from here on.
std::string bundle_of(FakeServer& server, const Wanted& wanted) {
  bundle::Manifest manifest = test::small_manifest();
  manifest.version = wanted.version;
  manifest.inputs = {{"x", DType::kFloat32, {-1, 1}}};
  manifest.outputs = {{"y", DType::kFloat32, {-1, 1}}};
  manifest.card->output.labels = {"heel"};
  manifest.variants = {{"arm", "other-linux", wanted.engine, "arm/m.onnx", {{"y", 1e-4, 0}}, {}},
                       {"main", "any", wanted.engine, "main/m.onnx", {{"y", 1e-4, 0}}, {}}};
  manifest.golden = {"golden.npz", 1};
  const std::string model = onnx("m" + std::to_string(wanted.factor));
  const std::string other = onnx("arm" + std::to_string(wanted.factor));
  const std::string golden = golden_of(wanted.golden_factor);
  server.engine().models[model] = times(wanted.factor);
  server.engine().models[other] = times(100 * wanted.factor);
  const std::vector<bundle::FileDraft> files = {
      {"arm/m.onnx", {{view(other)}}}, {"main/m.onnx", {{view(model)}}}, {"golden.npz", {{view(golden)}}}};
  auto draft = bundle::Draft::make(std::move(manifest), files);
  CHECK(draft.has_value());
  return test::bytes_of(*draft);
}

void put(FakeServer& server, const std::string& path, const Wanted& wanted) {
  ASSERT_OK(os::write_text(server.files(), path, bundle_of(server, wanted)));
  ASSERT_OK(os::write_text(server.files(), "repo/.there", ""));  // the server's folder
}

double answer_of(FakeServer& server, const std::string& name) {
  const Json json = server.ask_json("POST", "/v2/models/" + name + "/infer",
                                    R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})");
  const Json* const outputs = json.find("outputs");
  return outputs == nullptr ? -1 : outputs->as_array()[0].find("data")->as_array()[0].as_double();
}

std::string version_of(FakeServer& server, const std::string& name) {
  const Result<Pick> pick = server.table().pick(name);
  return pick ? pick->model->version() : to_string(pick.error());
}

TEST(Versions, AreOrderedByPrecedenceBehindNumbers) {
  EXPECT_TRUE(is_older("1.9.0", "1.10.0"));
  EXPECT_FALSE(is_older("1.10.0", "1.9.0"));
  EXPECT_TRUE(is_older("1.10.0-rc.1", "1.10.0"));
  EXPECT_TRUE(is_older("7", "0.1.0"));
  EXPECT_TRUE(is_older("9.0.0", "alpha"));
  EXPECT_FALSE(is_older("1.0.0+a", "1.0.0+a"));
  EXPECT_NE(is_older("1.0.0+a", "1.0.0+b"), is_older("1.0.0+b", "1.0.0+a"));
}

TEST(Places, OfABundleHaveItsNameAndVersion) {
  FakeServer server;
  put(server, "dir/b.arete", {"1.10.0"});
  const auto place = parse_place(server.files(), "dir/b.arete");
  ASSERT_OK(place);
  EXPECT_EQ(place->name, "shoes");
  EXPECT_EQ(place->version, "1.10.0");
  EXPECT_EQ(place->model_path, "dir/b.arete");
  EXPECT_EQ(parse_place(server.files(), "boots=dir/b.arete")->name, "boots");
  EXPECT_EQ(parse_place(server.files(), "boots=dir/b.arete")->version, "1.10.0");
  EXPECT_EQ(parse_place(server.files(), "boots:7=dir/b.arete")->version, "7");
  ASSERT_OK(os::write_text(server.files(), "cut.arete", bundle_of(server, {}).substr(0, 300)));
  EXPECT_ERROR(parse_place(server.files(), "cut.arete"), Code::kCorrupt, "cut.arete: ");
}

TEST(BundlePlace, IsServedWithItsCardAndGoldenAnswers) {
  FakeServer server;
  put(server, "b.arete", {});
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  server.load("shoes");
  EXPECT_EQ(answer_of(server, "shoes"), 2);
  EXPECT_EQ(version_of(server, "shoes"), "1.0.0");
  const Json about = server.ask_json("GET", "/models/shoes");
  EXPECT_NE(about.dump().find("heel"), std::string::npos);
}

TEST(BundlePlace, WithOtherAnswersIsRefused) {
  FakeServer server;
  put(server, "b.arete", {"1.0.0", 2, 3});
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  EXPECT_ERROR(server.table().load("shoes"), Code::kInvalid, "the answers of b.arete/main/m.golden.npz");
}

TEST(BundlePlace, ServesTheVariantThatIsAskedFor) {
  TableOptions options;
  options.serving.variant = "arm";
  FakeServer server(options);
  put(server, "b.arete", {"1.0.0", 2, 200});
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  server.load("shoes");
  EXPECT_EQ(answer_of(server, "shoes"), 200);
}

TEST(BundlePlace, ForAnotherEngineIsRefusedByName) {
  FakeServer server;
  put(server, "b.arete", {"1.0.0", 2, 2, "another"});
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  EXPECT_ERROR(server.table().load("shoes"), Code::kNotFound, "b.arete: no variant is for " + os::platform());
}

TEST(BundlePlace, LiesInTheRepository) {
  FakeServer server;
  put(server, "repo/boots/1/any name.arete", {"3.0.0"});
  put(server, "repo/boots/2/model.arete", {"1.5.0", 4, 4});
  put(server, "repo/flat.arete", {"1.2.0", 8, 8});
  server.load("boots");
  server.load("flat");
  EXPECT_EQ(answer_of(server, "boots"), 4);
  EXPECT_EQ(version_of(server, "boots"), "2");  // the folder's number
  EXPECT_EQ(answer_of(server, "flat"), 8);
  EXPECT_EQ(version_of(server, "flat"), "1.2.0");
}

TEST(BundlePlace, ThatIsReplacedIsANewVersion) {
  FakeServer server;
  put(server, "b.arete", {"1.9.0"});
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  server.load("shoes");
  put(server, "b.arete", {"1.10.0", 5, 5});
  EXPECT_ERROR(server.table().load("shoes", "1.9.0"), Code::kConflict, "b.arete: it is version 1.10.0 by now");
  EXPECT_EQ(answer_of(server, "shoes"), 2);  // nobody loaded the new one
  server.load("shoes");
  EXPECT_EQ(version_of(server, "shoes"), "1.10.0");
  EXPECT_EQ(answer_of(server, "shoes"), 5);
  // One that is broken changes nothing.
  ASSERT_OK(os::write_text(server.files(), "b.arete", bundle_of(server, {"1.11.0"}).substr(0, 400)));
  EXPECT_ERROR(server.table().load("shoes"), Code::kCorrupt, "b.arete: ");
  EXPECT_EQ(answer_of(server, "shoes"), 5);
  // The one before is loaded by its version.
  put(server, "b.arete", {"1.9.0"});
  server.load("shoes", "1.9.0");
  EXPECT_EQ(answer_of(server, "shoes"), 2);
}

TEST(BundlePlace, ThatWasReplacedWhileItSleptWakesAsTheNewOne) {
  TableOptions options;
  options.max_model_bytes = onnx("m2.000000").size() + 1;
  FakeServer server(options);
  put(server, "b.arete", {"1.0.0"});
  server.add("other", "1", times(1));
  ASSERT_OK(server.table().add(*parse_place(server.files(), "b.arete")));
  server.load("shoes");
  server.load("other");
  ASSERT_TRUE(server.table().is_asleep("shoes"));
  put(server, "b.arete", {"1.1.0", 5, 5});
  const Result<Pick> pick = server.table().wake("shoes", "");
  ASSERT_OK(pick);
  EXPECT_EQ(pick->model->version(), "1.1.0");
}

}  // namespace
}  // namespace arete::serve
