// Records of named numbers into tensors.
#include "media/record/record.h"

#include "tests/support/assert.h"

namespace arete::media {
namespace {

InputCard card_of(std::vector<RecordField> fields) {
  InputCard card;
  card.kind = InputKind::kRecord;
  card.fields = std::move(fields);
  return card;
}

Result<Tensor> tensor_of(const std::string& text, const InputCard& card) {
  const Result<Json> json = Json::parse(text);
  EXPECT_TRUE(json.has_value()) << text;
  return record_to_tensor(*json, card);
}

const InputCard kCard = card_of({{"air", false, 0}, {"load", true, 0.5}, {"speed", false, 0}});

TEST(Record, TakesTheCardsOrderAndDefaults) {
  const Result<Tensor> tensor = tensor_of(R"({"speed": 3, "other": "x", "air": -1.25, "load": null})", kCard);
  ASSERT_OK(tensor);
  EXPECT_EQ(tensor->shape(), (Shape{1, 3}));
  const std::span<const float> row = tensor->data<float>();
  EXPECT_EQ(row[0], -1.25F);
  EXPECT_EQ(row[1], 0.5F);
  EXPECT_EQ(row[2], 3.0F);
}

TEST(Record, ErrorsNameTheField) {
  EXPECT_ERROR(tensor_of(R"({"air": 1})", kCard), Code::kInvalid, "\"speed\" is missing and has no default");
  EXPECT_ERROR(tensor_of(R"({"air": 1, "speed": null})", kCard), Code::kInvalid, "\"speed\" is missing");
  EXPECT_ERROR(tensor_of(R"({"air": "1", "speed": 2})", kCard), Code::kInvalid,
               "\"air\" must be a number, not a string");
  EXPECT_ERROR(tensor_of(R"({"air": true, "speed": 2})", kCard), Code::kInvalid,
               "\"air\" must be a number, not a bool");
  EXPECT_ERROR(tensor_of(R"({"air": 1e39, "speed": 2})", kCard), Code::kInvalid, "\"air\" must be a finite number");
  EXPECT_ERROR(tensor_of("[1, 2, 3]", kCard), Code::kInvalid, "JSON object");
  EXPECT_ERROR(tensor_of("{}", InputCard{}), Code::kInvalid, "\"fields\"");
}

TEST(Record, RefusesNumbersThatAreNotFinite) {
  const Json record = Json::object({{"air", std::numeric_limits<double>::quiet_NaN()}, {"speed", 1}});
  EXPECT_ERROR(record_to_tensor(record, kCard), Code::kInvalid, "\"air\" must be a finite number");
}

}  // namespace
}  // namespace arete::media
