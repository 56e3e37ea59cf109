// Model cards: what they keep, and the words for what is wrong.
#include "core/model_card.h"

#include <gtest/gtest.h>

#include "tests/support/assert.h"

namespace arete {
namespace {

Result<ModelCard> card(const std::string& text) {
  ASSIGN_OR_RETURN(const Json json, Json::parse(text));
  return parse_card(json);
}

TEST(ModelCard, KeepsAnImageClassifier) {
  const auto parsed = card(R"({"input":{"kind":"image","width":28,"height":32,"mean":[0.5],"std":[0.25],
      "layout":"NHWC","orientation":"ignore"},
      "output":{"kind":"classification","activation":"softmax","labels":["a","é"]}})");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->input.kind, InputKind::kImage);
  EXPECT_EQ(parsed->input.width, 28);
  EXPECT_EQ(parsed->input.height, 32);
  EXPECT_EQ(parsed->input.layout, PixelLayout::kNhwc);
  EXPECT_EQ(parsed->input.orientation, Orientation::kIgnore);
  EXPECT_EQ(parsed->output.activation, Activation::kSoftmax);
  EXPECT_EQ(parsed->output.labels[1], "é");
  const auto again = parse_card(to_json(*parsed));
  ASSERT_OK(again);
  EXPECT_EQ(to_json(*again).dump(), to_json(*parsed).dump());
}

TEST(ModelCard, KeepsHowAnImageIsResized) {
  const auto parsed = card(R"({"input":{"kind":"image","width":224,"height":192,"resize":"bicubic",
      "crop":{"resize":256},"decode":"scaled"}})");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->input.resize, ResizeFilter::kBicubic);
  EXPECT_EQ(parsed->input.crop_resize, 256);
  EXPECT_EQ(parsed->input.decode, DecodeMode::kScaled);
  const auto again = parse_card(to_json(*parsed));
  ASSERT_OK(again);
  EXPECT_EQ(to_json(*again).dump(), to_json(*parsed).dump());
  for (const std::string filter : {"bilinear", "bicubic", "lanczos", "nearest"}) {
    EXPECT_TRUE(card(R"({"input":{"kind":"image","width":1,"height":1,"resize":")" + filter + "\"}}").has_value());
  }
}

TEST(ModelCard, KeepsARecord) {
  const auto parsed = card(R"({"input":{"kind":"record","fields":["speed",{"name":"torque","default":1.5}]}})");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->input.fields[0].name, "speed");
  EXPECT_FALSE(parsed->input.fields[0].has_default);
  EXPECT_EQ(parsed->input.fields[1].default_value, 1.5);
  EXPECT_EQ(to_json(*parse_card(to_json(*parsed))).dump(), to_json(*parsed).dump());
}

TEST(ModelCard, HasDefaults) {
  const auto parsed = card("{}");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->input.kind, InputKind::kTensor);
  EXPECT_EQ(parsed->output.kind, OutputKind::kTensor);
  EXPECT_EQ(parsed->output.activation, Activation::kNone);
  const auto image = card(R"({"input":{"kind":"image","width":1,"height":1}})");
  ASSERT_OK(image);
  EXPECT_FLOAT_EQ(image->input.mean[0], 0.485F);
  EXPECT_EQ(image->input.orientation, Orientation::kExif);
  EXPECT_EQ(image->input.resize, ResizeFilter::kBilinear);
  EXPECT_EQ(image->input.crop_resize, 0);
  EXPECT_EQ(image->input.decode, DecodeMode::kExact);
  InputCard grey;
  set_default_normalisation(grey, 1);
  EXPECT_EQ(grey.mean, std::vector<float>{0});
  EXPECT_EQ(grey.std, std::vector<float>{1});
}

TEST(ModelCard, NamesTheFieldThatIsWrong) {
  const auto input = [](const std::string& members) { return card("{\"input\":{" + members + "}}"); };
  const auto output = [](const std::string& members) { return card("{\"output\":{" + members + "}}"); };
  EXPECT_ERROR(card("[]"), Code::kInvalid, "must be a JSON object");
  EXPECT_ERROR(card(R"({"input":3})"), Code::kInvalid, "\"input\" must be an object");
  EXPECT_ERROR(card(R"({"output":[]})"), Code::kInvalid, "\"output\" must be an object");
  EXPECT_ERROR(input(R"("kind":"video")"), Code::kInvalid, "one of tensor, image, record");
  EXPECT_ERROR(input(R"("kind":7)"), Code::kInvalid, "\"kind\"");
  EXPECT_ERROR(input(R"("kind":"image")"), Code::kInvalid, "\"width\" and \"height\"");
  EXPECT_ERROR(input(R"("kind":"image","width":0,"height":1)"), Code::kInvalid, "from 1 to 16384");
  EXPECT_ERROR(input(R"("kind":"image","width":1.5,"height":1)"), Code::kInvalid, "\"width\"");
  EXPECT_ERROR(input(R"("kind":"image","width":1,"height":99999)"), Code::kInvalid, "\"height\"");
  EXPECT_ERROR(input(R"("mean":[1,2])"), Code::kInvalid, "1 or 3 numbers");
  EXPECT_ERROR(input(R"("mean":["a"])"), Code::kInvalid, "\"mean\"");
  EXPECT_ERROR(input(R"("kind":"image","width":1,"height":1,"mean":[0],"std":[1,1,1])"), Code::kInvalid, "same length");
  EXPECT_ERROR(input(R"("kind":"image","width":1,"height":1,"mean":[0],"std":[0])"), Code::kInvalid, "must not be 0");
  EXPECT_ERROR(input(R"("kind":"image","width":1,"height":1,"mean":[0],"std":[1e39])"), Code::kInvalid,
               "no 32-bit float");
  EXPECT_ERROR(input(R"("layout":"nchw")"), Code::kInvalid, "NCHW, NHWC");
  EXPECT_ERROR(input(R"("orientation":"up")"), Code::kInvalid, "exif, ignore");
  EXPECT_ERROR(input(R"("resize":"area")"), Code::kInvalid, "bilinear, bicubic, lanczos, nearest");
  EXPECT_ERROR(input(R"("decode":"fast")"), Code::kInvalid, "exact, scaled");
  EXPECT_ERROR(input(R"("crop":256)"), Code::kInvalid, "\"crop\" must be an object");
  EXPECT_ERROR(input(R"("crop":{})"), Code::kInvalid, "\"crop\" must be an object");
  EXPECT_ERROR(input(R"("crop":{"resize":0})"), Code::kInvalid, "from 1 to 16384");
  EXPECT_ERROR(input(R"("kind":"image","width":8,"height":9,"crop":{"resize":8})"), Code::kInvalid,
               "at least \"width\" and \"height\"");
  EXPECT_ERROR(input(R"("kind":"record")"), Code::kInvalid, "\"fields\"");
  EXPECT_ERROR(input(R"("fields":{})"), Code::kInvalid, "must be a list");
  EXPECT_ERROR(input(R"("fields":[{"default":1}])"), Code::kInvalid, "\"name\" is missing");
  EXPECT_ERROR(input(R"("fields":[{"name":"a","default":"b"}])"), Code::kInvalid, "must be a number");
  EXPECT_ERROR(output(R"("kind":"boxes")"), Code::kInvalid, "tensor, classification");
  EXPECT_ERROR(output(R"("activation":"relu")"), Code::kInvalid, "none, softmax, sigmoid");
  EXPECT_ERROR(output(R"("labels":"a")"), Code::kInvalid, "\"labels\" must be a list");
  EXPECT_ERROR(output(R"("labels":[1])"), Code::kInvalid, "every label must be a string");
}

}  // namespace
}  // namespace arete
