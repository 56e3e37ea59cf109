// JSON values: what they keep, what they refuse, and the limits.
#include "core/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/assert.h"

namespace arete {
namespace {

TEST(Json, KeepsIntegersOf64Bits) {
  const auto json = Json::parse("[9223372036854775807,-9223372036854775808,18446744073709551615,0]");
  ASSERT_OK(json);
  EXPECT_EQ(json->as_array()[0].as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(json->as_array()[1].as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(json->as_array()[2].as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json->as_array()[2].as_double(), 0x1p64);
  EXPECT_EQ(json->dump(), "[9223372036854775807,-9223372036854775808,18446744073709551615,0]");
  // One more is no integer any longer, but a number still.
  EXPECT_FALSE(Json::parse("18446744073709551616")->is_integer());
  EXPECT_TRUE(Json::parse("18446744073709551616")->is_number());
}

TEST(Json, KeepsTheOrderOfMembersAndAllText) {
  const std::string text = R"({"z":1,"a":[true,false,null],"é\n\"":"\u0000\ud83d\ude00","x":-1.5e-7})";
  const auto json = Json::parse(text);
  ASSERT_OK(json);
  EXPECT_EQ(json->as_object()[0].first, "z");
  EXPECT_EQ(json->as_object()[2].second.as_string(), std::string("\0\xF0\x9F\x98\x80", 5));
  const auto again = Json::parse(json->dump(2));
  ASSERT_OK(again);
  EXPECT_EQ(again->dump(), json->dump());
}

TEST(Json, DumpsDoublesSoThatTheyReadBack) {
  for (const double value : {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789.125}) {
    EXPECT_EQ(Json::parse(Json(value).dump())->as_double(), value);
  }
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

TEST(Json, RefusesBadTextWithItsPlace) {
  EXPECT_ERROR(Json::parse(""), Code::kCorrupt, "line 1");
  EXPECT_ERROR(Json::parse("{\n\"a\": x}"), Code::kCorrupt, "line 2");
  for (const char* text : {"[1,]", "{\"a\" 1}", "nul", "01", "[1] 2", "'a'", "\"\x01\"", "NaN", "\"\xff\"",
                           "\"\\ud800\"", "{1:2}", "[", "]", "1e999", "// c\n1"}) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(Json::parse(text), Code::kCorrupt, "JSON");
  }
}

// Half a million keys: each is looked up by hash, and one that stands twice is still found.
TEST(Json, ObjectsOfManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 500'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  const Result<Json> parsed = Json::parse(text + "\"last\":1}");
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->as_object().size(), 500'001U);
  EXPECT_ERROR(Json::parse(text + "\"k77\":1}"), Code::kCorrupt, "\"k77\" stands twice");
  EXPECT_ERROR(Json::parse(text + "\"k3\":1}"), Code::kCorrupt, "\"k3\" stands twice");
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_ERROR(Json::parse(R"({"a":1,"b":{"a":2},"a":3})"), Code::kCorrupt, "\"a\" stands twice");
  ASSERT_OK(Json::parse(R"({"a":1,"b":{"a":2}})"));
}

TEST(Json, LimitsDepthAndSize) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  ASSERT_OK(Json::parse(nested(64)));
  EXPECT_ERROR(Json::parse(nested(65)), Code::kExhausted, "deeper than 64");
  EXPECT_ERROR(Json::parse(std::string(1 << 20, '[')), Code::kExhausted, "deeper");
  EXPECT_ERROR(Json::parse("[1,2,3]", {4, 64}), Code::kExhausted, "over the limit of 4");
}

TEST(Json, ReplacesBytesThatAreNoText) {
  const std::string dumped = Json(std::string("a\xff") + "b").dump();
  ASSERT_OK(Json::parse(dumped));
}

TEST(Json, IsBuiltAndRead) {
  Json json;
  json.set("name", "net").set("count", 3).set("name", "other");
  json.set("list", Json().push_back(1).push_back("two"));
  EXPECT_EQ(json.dump(), R"({"name":"other","count":3,"list":[1,"two"]})");
  EXPECT_EQ(*json.get_string("name"), "other");
  EXPECT_EQ(*json.get_integer("count"), 3);
  EXPECT_EQ(*json.get_number("count"), 3.0);
  EXPECT_ERROR(json.get_string("none"), Code::kInvalid, "\"none\" is missing");
  EXPECT_ERROR(json.get_integer("name"), Code::kInvalid, "\"name\" must be a integer, not a string");
  EXPECT_EQ(json.find("none"), nullptr);
  EXPECT_EQ(Json(5).find("x"), nullptr);
  EXPECT_EQ(Json::object({{"a", Json::array()}}).dump(), R"({"a":[]})");
}

}  // namespace
}  // namespace arete
