// POST /predict and its neighbours through the route table, with a model made of a lambda.
#include <cmath>
#include <fstream>
#include <iterator>

#include "core/base64.h"
#include "os/http_server/http_server.h"
#include "serve/guess_card.h"
#include "tests/serve/fake_server.h"
#include "tests/support/assert.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using os::HttpRequest;
using os::HttpResponse;
using test::FakeServer;
using test::FakeSession;

const std::vector<ValueInfo> kPixels = {{"pixels", DType::kFloat32, {-1, 1, 28, 28}}};
const std::vector<ValueInfo> kLogits = {{"logits", DType::kFloat32, {-1, 3}}, {"extra", DType::kInt64, {1}}};
const std::vector<ValueInfo> kPair = {{"a", DType::kFloat32, {-1, 2}}, {"b", DType::kInt64, {-1}}};

// Class 2 wins for bright images, class 0 for dark ones.
Result<std::vector<Tensor>> look_at_pixels(std::span<const NamedTensor> inputs) {
  float sum = 0;
  for (const float x : inputs[0].tensor.data<float>()) sum += x;
  return std::vector<Tensor>{Tensor::of<float>({1, 3}, {0.0F, -5.0F, sum}), Tensor::of<std::int64_t>({1}, {42})};
}

ModelCard image_card() {
  ModelCard card;
  card.input = {.kind = InputKind::kImage, .width = 28, .height = 28, .mean = {0.5F}, .std = {0.5F}, .fields = {}};
  card.output = {
      .kind = OutputKind::kClassification, .activation = Activation::kSoftmax, .labels = {"dark", "never", "bright"}};
  return card;
}

std::unique_ptr<FakeServer> make_server(std::vector<ValueInfo> inputs, std::vector<ValueInfo> outputs,
                                        FakeSession::Run run, const std::optional<ModelCard>& card,
                                        const Limits& limits = {}) {
  auto server = std::make_unique<FakeServer>(TableOptions{}, limits);
  server->add("fake", "1", {std::move(inputs), std::move(outputs), std::move(run)}, card ? to_json(*card).dump() : "");
  server->load("fake");
  return server;
}

std::unique_ptr<FakeServer> image_server(const Limits& limits = {}) {
  return make_server(kPixels, kLogits, look_at_pixels, image_card(), limits);
}

HttpResponse post(FakeServer& server, const std::string& type, const std::string& body) {
  if (type.empty()) return server.ask("POST", "/predict", body);
  return server.ask("POST", "/predict", body, {{"content-type", type}});
}

Json body_of(const HttpResponse& response) {
  Result<Json> json = Json::parse(response.body);
  EXPECT_TRUE(json.has_value()) << response.body;
  return json ? std::move(*json) : Json();
}

std::string boot_png() {
  std::ifstream file(test::source_path("examples/fashion/images/ankle_boot.png"), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string multipart(const std::string& name, const std::string& content) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"x.png\"\r\n\r\n" + content +
         "\r\n--B--\r\n";
}
const std::string kMultipart = "multipart/form-data; boundary=B";

TEST(PredictImage, AnswersWithTheClasses) {
  const auto server = image_server();
  const HttpResponse response = post(*server, kMultipart, multipart("image", boot_png()));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json json = body_of(response);
  EXPECT_EQ(json.find("prediction")->as_string(), "dark");
  EXPECT_GT(json.find("confidence")->as_double(), 0.9);
  const Json::Object& probabilities = json.find("probabilities")->as_object();
  ASSERT_EQ(probabilities.size(), 3U);
  EXPECT_EQ(probabilities[1].first, "never");
  EXPECT_NE(response.headers.get("Server-Timing").find("model;dur="), std::string_view::npos);
}

TEST(PredictImage, TakesTheImageAsTheBody) {
  const auto server = image_server();
  EXPECT_EQ(post(*server, "image/png", boot_png()).status, 200);
  EXPECT_EQ(post(*server, "application/octet-stream", boot_png()).status, 200);
  EXPECT_EQ(post(*server, "", boot_png()).status, 200);
  EXPECT_EQ(post(*server, "image/png", "").body, R"({"error":"No image provided"})");
}

TEST(PredictImage, TakesBase64InJson) {
  const auto server = image_server();
  const std::string text = encode_base64(boot_png());
  for (const std::string& head : {std::string(), std::string("data:image/png;base64,")}) {
    const HttpResponse response = post(*server, "application/json", R"({"image":")" + head + text + R"("})");
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(body_of(response).find("prediction")->as_string(), "dark");
  }
  EXPECT_EQ(post(*server, "application/json", R"({"image":"???"})").status, 400);
  EXPECT_EQ(post(*server, "application/json", R"({"image":""})").body, R"({"error":"No image provided"})");
}

TEST(PredictImage, SaysWhatIsWrong) {
  const auto server = image_server();
  for (const HttpResponse& response : {post(*server, kMultipart, multipart("file", boot_png())), post(*server, "", ""),
                                       post(*server, kMultipart, "--B--")}) {
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body, R"({"error":"No image provided"})");
  }
  const HttpResponse empty = post(*server, kMultipart, multipart("image", ""));
  EXPECT_EQ(empty.status, 400);
  EXPECT_NE(empty.body.find("is empty: it has no bytes"), std::string::npos) << empty.body;
  const HttpResponse text = post(*server, kMultipart, multipart("image", "this is no image"));
  EXPECT_EQ(text.status, 400);
  EXPECT_NE(text.body.find("JPEG or PNG"), std::string::npos) << text.body;
  EXPECT_EQ(post(*server, kMultipart, multipart("image", boot_png().substr(0, 200))).status, 400);
  EXPECT_EQ(post(*server, kMultipart, "--B\r\nbroken").status, 400);
  EXPECT_EQ(post(*server, "multipart/form-data", "").status, 400);
  EXPECT_EQ(post(*server, "text/plain", "hello").status, 415);
}

TEST(PredictImage, RefusesLargeImages) {
  const auto server = image_server({.max_image_bytes = 100});
  EXPECT_EQ(post(*server, "image/png", boot_png()).status, 413);
  EXPECT_EQ(post(*server, kMultipart, multipart("image", boot_png())).status, 413);
  const auto small = image_server({.max_image_bytes = 100, .max_json_bytes = 100});
  EXPECT_EQ(post(*small, "image/png", std::string(kMultipartOverheadBytes + 101, 'x')).status, 413);
  EXPECT_EQ(post(*small, "application/json", R"({"inputs":)" + std::string(200, ' ') + "0}").status, 413);
}

TEST(PredictImage, ReportsNanAsAnError) {
  const auto server = make_server(
      kPixels, kLogits,
      [](auto) -> Result<std::vector<Tensor>> {
        return std::vector<Tensor>{Tensor::of<float>({1, 3}, {NAN, 0.0F, 0.0F}), Tensor::of<std::int64_t>({1}, {1})};
      },
      image_card());
  const HttpResponse response = post(*server, "image/png", boot_png());
  EXPECT_EQ(response.status, 500);
  EXPECT_NE(response.body.find("'logits'"), std::string::npos);
}

TEST(PredictImage, NeedsACardThatSaysImage) {
  const auto server = make_server(kPair, kLogits, [](auto) { return std::vector<Tensor>{}; }, std::nullopt);
  const HttpResponse response = post(*server, "image/png", boot_png());
  EXPECT_EQ(response.status, 415);
  EXPECT_NE(response.body.find("NAME.card.json"), std::string::npos) << response.body;
  EXPECT_NE(server->said().at(0).find("no card"), std::string::npos);
}

TEST(PredictInputs, TakesNestedNumbersForAnyModel) {
  const auto server = make_server(
      kPair, {{"sum", DType::kFloat64, {-1}}},
      [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        const bool a_first = inputs[0].name == "a";
        const auto a = inputs[a_first ? 0 : 1].tensor.data<float>();
        const auto b = inputs[a_first ? 1 : 0].tensor.data<std::int64_t>();
        return std::vector<Tensor>{Tensor::of<double>({1}, {a[0] + a[1] + static_cast<double>(b[0])})};
      },
      std::nullopt);
  const HttpResponse response =
      post(*server, "application/json; charset=utf-8", R"({"inputs":{"b":[3],"a":[[1,2.5]]}})");
  EXPECT_EQ(response.body, R"({"outputs":{"sum":[6.5]}})");
  const struct {
    std::string body, text;
  } rows[] = {
      {"", "the body is empty"},
      {"{", "JSON"},
      {"[1]", "the inputs are 'a' float32[?,2], 'b' int64[?]"},
      {R"({"inputs":[1]})", "must be an object"},
      {R"({"inputs":{"a":[[1,2]]}})", "input 'b' (int64[?]) is missing"},
      {R"({"inputs":{"a":[[1,2]],"b":[1],"c":1}})", "no input 'c'"},
      {R"({"inputs":{"a":[[1,2,3]],"b":[1]}})", "wants float32[?,2], got float32[1,3]"},
      {R"({"inputs":{"a":[[1,2],[3]],"b":[1]}})", "neighbours"},
      {R"({"inputs":{"a":[[1,null]],"b":[1]}})", "NaN"},
      {R"({"inputs":{"a":[[1,2]],"b":[1.5]}})", "no int64"},
      {R"({"inputs":{"a":[[1,2]],"a":[[1,2]],"b":[1]}})", "twice"},
      {R"({"record":{"a":1}})", "does not take a record"},
  };
  for (const auto& row : rows) {
    const HttpResponse refused = post(*server, "application/json", row.body);
    EXPECT_GE(refused.status, 400) << row.body;
    EXPECT_LT(refused.status, 500) << row.body;
    EXPECT_NE(body_of(refused).find("error")->as_string().find(row.text), std::string::npos)
        << row.body << " -> " << refused.body;
  }
}

TEST(PredictInputs, AddsThePredictionOfAClassifier) {
  const auto server = image_server();
  std::string zeros = "[0";
  for (int i = 1; i < 28; ++i) zeros += ",0";
  zeros += "]";
  std::string rows = "[" + zeros;
  for (int i = 1; i < 28; ++i) rows += "," + zeros;
  rows += "]";
  const Json json = body_of(post(*server, "application/json", R"({"inputs":{"pixels":[[)" + rows + "]]}}"));
  EXPECT_EQ(json.find("outputs")->find("extra")->dump(), "[42]");
  EXPECT_EQ(json.find("prediction")->as_string(), "dark");
}

TEST(PredictInputs, ListsPredictionsOfSeveralRows) {
  ModelCard card;
  card.output = {.kind = OutputKind::kClassification, .activation = Activation::kNone, .labels = {}};
  const auto server = make_server(
      {{"x", DType::kFloat32, {-1, 2}}}, {{"y", DType::kFloat32, {-1, 2}}},
      [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        return std::vector<Tensor>{inputs[0].tensor};
      },
      card);
  const HttpResponse response = post(*server, "application/json", R"({"inputs":{"x":[[0,1],[1,0]]}})");
  const Json json = body_of(response);
  EXPECT_EQ(json.find("outputs")->dump(), R"({"y":[[0.0,1.0],[1.0,0.0]]})");
  ASSERT_EQ(json.find("predictions")->as_array().size(), 2U);
  EXPECT_EQ(json.find("predictions")->as_array()[0].find("prediction")->as_string(), "1");
  EXPECT_EQ(json.find("prediction"), nullptr);
}

TEST(PredictRecord, TakesNamedNumbers) {
  ModelCard card;
  card.input = {.kind = InputKind::kRecord,
                .mean = {},
                .std = {},
                .fields = {{.name = "load"}, {.name = "heat", .has_default = true, .default_value = 2}}};
  card.output = {.kind = OutputKind::kClassification, .activation = Activation::kNone, .labels = {"fine", "failing"}};
  const auto server = make_server(
      {{"x", DType::kFloat32, {-1, 2}}}, {{"p", DType::kFloat32, {-1, 1}}},
      [](std::span<const NamedTensor> inputs) -> Result<std::vector<Tensor>> {
        const auto x = inputs[0].tensor.data<float>();
        return std::vector<Tensor>{Tensor::of<float>({1, 1}, {x[0] * x[1]})};
      },
      card);
  for (const std::string body : {R"({"load":0.25})", R"({"record":{"load":0.25}})", R"({"load":0.5,"heat":1})"}) {
    EXPECT_EQ(post(*server, "application/json", body).body,
              R"({"prediction":"fine","confidence":0.5,"probabilities":{"fine":0.5,"failing":0.5}})");
  }
  const HttpResponse missing = post(*server, "application/json", R"({"heat":1})");
  EXPECT_EQ(missing.status, 400);
  EXPECT_NE(missing.body.find("load"), std::string::npos) << missing.body;
}

TEST(Codec, ChecksTheCardAgainstTheModel) {
  const auto make = [](ModelCard card, std::vector<ValueInfo> inputs) {
    return ModelCodec::make("m", std::move(card), std::move(inputs), kLogits);
  };
  EXPECT_ERROR(make(image_card(), {{"x", DType::kFloat32, {1, 3, 224, 224}}}), Code::kInvalid, "[1,1,28,28]");
  EXPECT_ERROR(make(image_card(), {{"x", DType::kFloat32, {8, 1, 28, 28}}}), Code::kInvalid, "[1,1,28,28]");
  EXPECT_FALSE(make(image_card(), {{"x", DType::kInt64, {1, 1, 28, 28}}}));
  ASSERT_OK(make(image_card(), {{"x", DType::kFloat32, {1, 28, 28}}}));
  ASSERT_OK(make(image_card(), {{"x", DType::kFloat32, {}, false}}));
  ModelCard labels = image_card();
  labels.output.labels.pop_back();
  EXPECT_ERROR(make(labels, kPixels), Code::kInvalid, "2 labels");
  EXPECT_FALSE(ModelCodec::make("m", std::nullopt, kPixels, {}));
}

TEST(Codec, SaysWhenOutputsDoNotLookLikeProbabilities) {
  ModelCard card = image_card();
  card.output.activation = Activation::kNone;
  const auto server = make_server(kPixels, kLogits, look_at_pixels, card);
  ASSERT_FALSE(server->said().empty());
  EXPECT_NE(server->said()[0].find("does not look like probabilities"), std::string::npos);
}

TEST(Guess, SeesImages) {
  const std::vector<ValueInfo> classes = {{"y", DType::kFloat32, {-1, 10}}};
  const auto card = guess_card(std::vector<ValueInfo>{{"x", DType::kFloat32, {-1, 3, 224, 160}}}, classes);
  ASSERT_TRUE(card);
  EXPECT_EQ(card->input.width, 160);
  EXPECT_EQ(card->input.height, 224);
  EXPECT_EQ(card->input.mean.size(), 3U);
  EXPECT_EQ(card->output.kind, OutputKind::kClassification);
  const auto last = guess_card(std::vector<ValueInfo>{{"x", DType::kUint8, {1, 96, 96, 3}}}, classes);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->input.layout, PixelLayout::kNhwc);
  EXPECT_EQ(last->input.mean, (std::vector<float>{0, 0, 0}));
  for (const ValueInfo& other :
       {ValueInfo{"x", DType::kFloat32, {-1, 4}}, ValueInfo{"x", DType::kFloat32, {8, 3, 32, 32}},
        ValueInfo{"x", DType::kInt64, {1, 3, 32, 32}}, ValueInfo{"x", DType::kFloat32, {1, 3, -1, -1}},
        ValueInfo{"x", DType::kFloat32, {}, false}}) {
    EXPECT_FALSE(guess_card(std::vector<ValueInfo>{other}, classes)) << engine::describe(other);
  }
}

TEST(Routes, SayWhatTheModelIs) {
  const auto server = image_server();
  EXPECT_EQ(server->ask("GET", "/healthz").body, R"({"status":"ok","model":"fake","engine":"none 1"})");
  const Json model = body_of(server->ask("GET", "/model"));
  EXPECT_EQ(model.find("inputs")->dump(), R"([{"name":"pixels","dtype":"float32","shape":[-1,1,28,28]}])");
  EXPECT_EQ(model.find("card")->find("input")->find("kind")->as_string(), "image");
  EXPECT_TRUE(model.find("card_given")->as_bool());
  const HttpResponse page = server->ask("GET", "/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  std::ifstream file(test::source_path("web/serve/index.html"), std::ios::binary);
  EXPECT_EQ(page.body, std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST(Routes, ServeOverARealSocket) {
  const auto server = image_server();
  auto door = os::HttpServer::start({}, make_routes(server->dispatcher(), "0.0.0"));
  ASSERT_OK(door);
  EXPECT_NE((*door)->port(), 0);
  (*door)->stop(100);
}

}  // namespace
}  // namespace arete::serve
