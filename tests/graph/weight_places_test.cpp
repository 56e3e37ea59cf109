// Where weights lie in a model's files: in the main graph, in a branch, beside the model; and what is no such place.
#include "graph/weight_places.h"
#include "tests/graph/wire.h"

namespace arete::graph {
namespace {

using namespace arete::test;  // every line below is made of it

std::span<const std::byte> view(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string at(const std::string& model, const WeightPlace& place) { return model.substr(place.offset, place.bytes); }

std::string entry(const std::string& key, const std::string& value) {
  return bytes(13, bytes(1, key) + bytes(2, value));
}

TEST(WeightPlaces, AreTheMessagesOfAllGraphsInOrder) {
  const std::string first = tensor("first", 1, {2}, bytes(9, "ABCDEFGH"));
  const std::string inner = tensor("inner", 1, {1}, bytes(9, "IJKL"));
  const std::string last = tensor("last", 1, {1}, bytes(9, "MNOP"));
  const std::string branch = bytes(6, in_graph_weight(inner));
  const std::string graph = in_graph_weight(first) +
                            in_graph_node(node("If", {"c"}, {"y"}, bytes(5, attribute("then_branch", 5, branch)))) +
                            in_graph_weight(last);
  const std::string whole = model(graph);
  const auto found = find_weights(view(whole));
  ASSERT_OK(found);
  ASSERT_EQ(found->model.size(), 3U);
  EXPECT_EQ(found->model[0].name, "first");
  EXPECT_EQ(at(whole, found->model[0]), first);
  EXPECT_EQ(found->model[1].name, "inner");
  EXPECT_EQ(at(whole, found->model[1]), inner);
  EXPECT_EQ(at(whole, found->model[2]), last);
  EXPECT_TRUE(found->beside.empty());
}

TEST(WeightPlaces, ExternalDataIsFoundByItsFile) {
  const std::string external = number(14, 1);
  const std::string a =
      tensor("a", 1, {2}, entry("location", "w.bin") + entry("offset", "64") + entry("length", "8") + external);
  const std::string b = tensor("b", 1, {2}, entry("location", "sub/v.bin") + external);  // its shape says how long
  const auto found = find_weights(view(model(in_graph_weight(a) + in_graph_weight(b))));
  ASSERT_OK(found);
  ASSERT_EQ(found->beside.size(), 2U);
  EXPECT_TRUE(found->beside.at("sub/v.bin").empty());  // the file is there, with no place to cut at
  const WeightPlace& place = found->beside.at("w.bin").front();
  EXPECT_EQ(place.name, "a");
  EXPECT_EQ(place.offset, 64U);
  EXPECT_EQ(place.bytes, 8U);
}

TEST(WeightPlaces, WhatIsWrongIsSaid) {
  EXPECT_ERROR(find_weights(view("no protobuf")), Code::kCorrupt, "");
  const std::string outside = tensor("a", 1, {2}, entry("location", "../w.bin") + entry("length", "8") + number(14, 1));
  EXPECT_ERROR(find_weights(view(model(in_graph_weight(outside)))), Code::kUntrusted, "w.bin");
  const std::string no_number = tensor("a", 1, {2}, entry("location", "w") + entry("offset", "x") + number(14, 1));
  EXPECT_ERROR(find_weights(view(model(in_graph_weight(no_number)))), Code::kInvalid, "offset");
  EXPECT_ERROR(find_weights(view(model(in_graph_weight("\x42\x05"
                                                       "ab")))),
               Code::kCorrupt, "");
}

}  // namespace
}  // namespace arete::graph
