// The Open Inference Protocol through the route table, with models made of lambdas: what the specification says byte by
// byte, and what must be refused.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "serve/v2_message.h"
#include "tests/serve/fake_server.h"

namespace arete::serve {
namespace {

using engine::ValueInfo;
using os::HttpResponse;
using test::FakeModel;
using test::FakeServer;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kLength = "Inference-Header-Content-Length";

FakeModel echo(std::vector<ValueInfo> inputs) {
  std::vector<ValueInfo> outputs = inputs;
  for (ValueInfo& output : outputs) output.name += "_out";
  return {std::move(inputs), std::move(outputs), [](std::span<const NamedTensor> given) {
            std::vector<Tensor> all;
            for (const NamedTensor& input : given) all.push_back(input.tensor);
            return all;
          }};
}

// One model a dtype, "mixed" with three inputs, "classes" with scores.
FakeServer& server() {
  static FakeServer* const made = [] {
    auto* fresh = new FakeServer();
    for (const DType dtype : {DType::kBool, DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64, DType::kInt8,
                              DType::kInt16, DType::kInt32, DType::kInt64, DType::kFloat16, DType::kFloat32,
                              DType::kFloat64, DType::kString, DType::kBfloat16})
      fresh->add(std::string(v2_name(dtype)), "1", echo({{"x", dtype, {-1}}}));
    fresh->add("mixed", "1",
               echo({{"a", DType::kFloat32, {-1, 2}}, {"b", DType::kInt64, {-1}}, {"s", DType::kString, {-1}}}));
    fresh->add("scores", "1", echo({{"x", DType::kFloat32, {-1, 3}}}),
               R"({"output":{"kind":"classification","labels":["cat","dog","owl"]}})");
    for (const char* name : {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
                             "FP32", "FP64", "BYTES", "BF16", "mixed", "scores"})
      fresh->load(name);
    return fresh;
  }();
  return *made;
}

HttpResponse infer(const std::string& model, const std::string& body, const Headers& headers = {}) {
  return server().ask("POST", "/v2/models/" + model + "/infer", body, headers);
}

std::string one_input(const std::string& datatype, const std::string& shape, const std::string& data,
                      const std::string& more = "") {
  return R"({"inputs":[{"name":"x","shape":)" + shape + R"(,"datatype":")" + datatype + R"(","data":)" + data + "}]" +
         more + "}";
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

HttpResponse infer_binary(const std::string& model, const std::string& json, const std::string& binary) {
  return infer(model, json + binary, {{kLength, std::to_string(json.size())}});
}

TEST(V2, EveryDatatypeKeepsItsValues) {
  const std::vector<std::array<std::string, 3>> rows = {
      {"BOOL", "[true,false]", "[true,false]"},
      {"UINT8", "[0,255]", "[0,255]"},
      {"UINT16", "[65535]", "[65535]"},
      {"UINT32", "[4294967295]", "[4294967295]"},
      {"UINT64", "[18446744073709551615,9007199254740993]", "[18446744073709551615,9007199254740993]"},
      {"INT8", "[-128,127]", "[-128,127]"},
      {"INT16", "[-32768]", "[-32768]"},
      {"INT32", "[-2147483648]", "[-2147483648]"},
      {"INT64", "[-9223372036854775808,9223372036854775807]", "[-9223372036854775808,9223372036854775807]"},
      {"FP32", "[0.1,-3e38,16777217]", "[0.1,-3e+38,16777216]"},
      {"FP64", "[0.1,1e308]", "[0.1,1e+308]"},
      {"BYTES", R"(["a\"b","","ü"])", R"(["a\"b","","ü"])"}};
  for (const auto& [datatype, in, out] : rows) {
    const auto count = std::to_string(1 + std::ranges::count(in, ','));
    const HttpResponse response = infer(datatype, one_input(datatype, "[" + count + "]", in));
    EXPECT_EQ(response.status, 200) << datatype << response.body;
    const std::string wanted = R"({"model_name":")" + datatype +
                               R"(","model_version":"1","outputs":[{"name":"x_out",)" + R"("datatype":")" + datatype +
                               R"(","shape":[)" + count + R"(],"data":)" + out + "}]}";
    EXPECT_EQ(response.body, wanted);
  }
}

TEST(V2, ValuesThatDoNotFitTheirDatatypeAreRefused) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"UINT8", "[256]"},  {"UINT8", "[-1]"},  {"INT8", "[128]"}, {"INT64", "[9223372036854775808]"},
      {"INT32", "[1.5]"},  {"UINT64", "[-1]"}, {"BOOL", "[2]"},   {"FP32", "[1e39]"},
      {"FP32", "[\"1\"]"}, {"FP32", "[null]"}, {"BYTES", "[1]"},  {"FP16", "[1]"},
      {"BF16", "[1]"},     {"INT64", "[true]"}};
  for (const auto& [datatype, data] : rows) {
    const HttpResponse response = infer(datatype, one_input(datatype, "[1]", data));
    EXPECT_EQ(response.status, 400) << datatype << data << response.body;
    EXPECT_NE(response.body.find("input 'x'"), std::string::npos) << response.body;
  }
}

TEST(V2, DataMayBeNestedOrFlatAndOnlyItsCountCounts) {
  for (const std::string data : {"[[1,2],[3,4]]", "[1,2,3,4]", "[[[1]],[2,3],4]"}) {
    const HttpResponse response = infer("FP32", one_input("FP32", "[4]", data));
    EXPECT_EQ(response.status, 200) << data << response.body;
  }
  for (const std::string data : {"[1,2,3]", "[1,2,3,4,5]", "[]"})
    EXPECT_EQ(infer("FP32", one_input("FP32", "[4]", data)).status, 400) << data;
  EXPECT_EQ(infer("FP32", one_input("FP32", "[0]", "[]")).status, 200);
}

TEST(V2, TheIdComesBackAndOutputsAreThoseAskedForInTheirOrder) {
  const std::string inputs =
      R"("inputs":[{"name":"s","shape":[1],"datatype":"BYTES","data":["t"]},{"name":"a","shape":[1,2],"datatype":"FP32",)"
      R"("data":[1,2]},{"name":"b","shape":[1],"datatype":"INT64","data":[3]}])";
  const HttpResponse response =
      infer("mixed", R"({"id":"a \"b\"",)" + inputs + R"(,"outputs":[{"name":"b_out"},{"name":"a_out"}]})");
  EXPECT_EQ(response.body, R"({"model_name":"mixed","model_version":"1","id":"a \"b\"","outputs":[)"
                           R"({"name":"b_out","datatype":"INT64","shape":[1],"data":[3]},)"
                           R"({"name":"a_out","datatype":"FP32","shape":[1,2],"data":[1,2]}]})");
  EXPECT_EQ(infer("mixed", "{" + inputs + R"(,"outputs":[{"name":"c"}]})").status, 400);
  EXPECT_EQ(infer("mixed", "{" + inputs + R"(,"outputs":[{"name":"a_out"},{"name":"a_out"}]})").status, 400);
  EXPECT_EQ(infer("mixed", "{" + inputs + "}").status, 200);
}

TEST(V2, BinaryAndJsonMixBothWays) {
  const std::string json =
      R"({"inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},)"
      R"({"name":"b","shape":[1],"datatype":"INT64","data":[7]},)"
      R"({"name":"s","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}],)"
      R"("outputs":[{"name":"a_out","parameters":{"binary_data":true}},{"name":"b_out"},)"
      R"({"name":"s_out","parameters":{"binary_data":true}}]})";
  const std::string text("\x02\x00\x00\x00hi", 6);
  const HttpResponse response = infer_binary("mixed", json, bytes_of<float>({1.5F, -2}) + text);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  const auto length = static_cast<std::size_t>(std::stoul(std::string(response.headers.get(kLength))));
  EXPECT_EQ(response.body.substr(0, length),
            R"({"model_name":"mixed","model_version":"1","outputs":[{"name":"a_out","datatype":"FP32","shape":[1,2],)"
            R"("parameters":{"binary_data_size":8}},{"name":"b_out","datatype":"INT64","shape":[1],"data":[7]},)"
            R"({"name":"s_out","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]})");
  EXPECT_EQ(response.body.substr(length), bytes_of<float>({1.5F, -2}) + text);
}

TEST(V2, BinaryOutputOfTheWholeRequestAndWithoutHeaderWhenNoneIs) {
  const HttpResponse all =
      infer("FP16",
            R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}],)"
            R"("parameters":{"binary_data_output":true}})"
            "\x01\x3c",
            {{kLength, "136"}});
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}],)"
      R"("parameters":{"binary_data_output":true}})";
  const HttpResponse good = infer_binary("FP16", json, "\x01\x3c");
  ASSERT_EQ(good.status, 200) << good.body;
  EXPECT_TRUE(good.body.ends_with("\x01\x3c"));
  const HttpResponse overridden = infer(
      "FP32",
      one_input(
          "FP32", "[1]", "[1]",
          R"(,"parameters":{"binary_data_output":true},"outputs":[{"name":"x_out","parameters":{"binary_data":false}}])"));
  EXPECT_EQ(overridden.status, 200);
  EXPECT_EQ(overridden.headers.count(kLength), 0U);
  EXPECT_EQ(overridden.content_type, "application/json");
  // FP16 has no form in JSON.
  const std::string plain =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]})";
  const HttpResponse refused = infer_binary("FP16", plain, "\x01\x3c");
  EXPECT_EQ(refused.status, 501);
  EXPECT_NE(refused.body.find("binary_data"), std::string::npos);
}

TEST(V2, FramingThatDoesNotHoldTogetherIsRefused) {
  const std::string head = R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":)";
  const std::string four = bytes_of<float>({1, 2});
  EXPECT_EQ(infer_binary("FP32", head + "8}}]}", four).status, 200);
  for (const std::string size : {"4", "12", "-8", "\"8\"", "1e1", "18446744073709551615"})
    EXPECT_EQ(infer_binary("FP32", head + size + "}}]}", four).status, 400) << size;
  EXPECT_EQ(infer_binary("FP32", head + "8}}]}", four + "x").status, 400);
  EXPECT_EQ(infer_binary("FP32", head + "8}}]}", four.substr(1)).status, 400);
  const std::string json = head + "8}}]}";
  for (const std::string length : {"-1", "x", "999999", "1.5", "", "99999999999999999999"})
    EXPECT_EQ(infer("FP32", json + four, {{kLength, length}}).status, 400) << length;
  EXPECT_EQ(infer("FP32", json + four, {{kLength, std::to_string(json.size())}, {kLength, "0"}}).status, 400);
  EXPECT_EQ(infer("FP32", json + four).status, 400);  // without the header all of it is JSON
  const std::string both =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1],"parameters":{"binary_data_size":4}}]})";
  EXPECT_EQ(infer_binary("FP32", both, bytes_of<float>({1})).status, 400);
  const std::string strings =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":8}}]})";
  EXPECT_EQ(infer_binary("BYTES", strings,
                         std::string("\xff\xff\xff\xff"
                                     "abcd",
                                     8))
                .status,
            400);
  EXPECT_EQ(infer_binary("BYTES", strings, std::string("\x00\x00\x00\x00\x00\x00\x00\x00", 8)).status, 400);
  EXPECT_EQ(infer_binary("BYTES", strings,
                         std::string("\x04\x00\x00\x00"
                                     "abcd",
                                     8))
                .status,
            200);
  const std::string flags =
      R"({"inputs":[{"name":"x","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}]})";
  EXPECT_EQ(infer_binary("BOOL", flags, std::string("\x01\x02", 2)).status, 400);
}

TEST(V2, ARawBodyIsTheOnlyTensor) {
  const HttpResponse response = infer("FP32", bytes_of<float>({1, 2, 3}), {{kLength, "0"}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.body.find(R"("shape":[3])"), std::string::npos) << response.body;
  EXPECT_TRUE(response.body.ends_with(bytes_of<float>({1, 2, 3})));
  EXPECT_NE(infer("scores", bytes_of<float>({1, 2, 3}), {{kLength, "0"}}).body.find(R"("shape":[1,3])"),
            std::string::npos);
  EXPECT_EQ(infer("FP32", "12345", {{kLength, "0"}}).status, 400);
  EXPECT_EQ(infer("mixed", "1234", {{kLength, "0"}}).status, 400);
  EXPECT_NE(infer("BYTES", "hello", {{kLength, "0"}}).body.find("hello"), std::string::npos);
}

TEST(V2, ClassesOfAnOutput) {
  const HttpResponse response =
      infer("scores", one_input("FP32", "[2,3]", "[0.1,0.7,0.2,3,1,2]",
                                R"(,"outputs":[{"name":"x_out","parameters":{"classification":2}}])"));
  EXPECT_NE(
      response.body.find(R"("datatype":"BYTES","shape":[2,2],"data":["0.7:1:dog","0.2:2:owl","3:0:cat","2:2:owl"])"),
      std::string::npos)
      << response.body;
}

TEST(V2, WhatIsNoRequestIsRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "no JSON"},
      {"[]", "object"},
      {"{", "no JSON"},
      {"{}", "no \\\"inputs\\\""},
      {R"({"inputs":{}})", "list"},
      {R"({"inputs":[3]})", "object"},
      {R"({"inputs":[{"shape":[1],"datatype":"FP32","data":[1]}]})", "no name"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","data":[1]}]})", "no shape"},
      {R"({"inputs":[{"name":"x","shape":[1],"data":[1]}]})", "datatype"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FLOAT","data":[1]}]})", "FLOAT"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1]}]})", "wants FP32"},
      {R"({"inputs":[{"name":"z","shape":[1],"datatype":"FP32","data":[1]}]})", "no input 'z'"},
      {R"({"inputs":[{"name":"x","shape":[-1],"datatype":"FP32","data":[1]}]})", "whole numbers"},
      {R"({"inputs":[{"name":"x","shape":[1.5],"datatype":"FP32","data":[1]}]})", "whole numbers"},
      {R"({"inputs":[{"name":"x","shape":[4611686018427387904,4],"datatype":"FP32","data":[1]}]})", "x"},
      {R"({"inputs":[{"name":"x","shape":[1000000000],"datatype":"FP32","data":[1]}]})", "fewer elements"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32"}]})", "no data"},
      {R"({"inputs":[]})", "x"},
      {R"({"id":3,"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})", "id"},
      {R"({"parameters":[],"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})", "parameters"},
      {R"({"parameters":{"priority":-1},"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})",
       "priority"},
      {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]} x)", "no JSON"},
      {R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})", "x"}};
  for (const auto& [body, says] : rows) {
    const HttpResponse response = infer("FP32", body);
    EXPECT_EQ(response.status, 400) << body << response.body;
    EXPECT_NE(response.body.find(says), std::string::npos) << body << response.body;
    EXPECT_TRUE(response.body.starts_with(R"({"error":)")) << response.body;
  }
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_EQ(infer("FP32", one_input("FP32", "[1]", deep)).status, 400);
}

TEST(V2, HealthMetadataConfigAndIndex) {
  EXPECT_EQ(server().ask("GET", "/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(server().ask("GET", "/v2/health/ready").body, R"({"live":true,"ready":true})");
  EXPECT_EQ(server().ask("GET", "/v2/models/FP32/ready").body, R"({"name":"FP32","ready":true})");
  EXPECT_EQ(server().ask("GET", "/v2/models/nobody/ready").status, 404);
  EXPECT_EQ(server().ask("GET", "/v2/models/FP32").body,
            R"({"name":"FP32","versions":["1"],"platform":"onnx_onnxv1","inputs":[{"name":"x","datatype":"FP32",)"
            R"("shape":[-1]}],"outputs":[{"name":"x_out","datatype":"FP32","shape":[-1]}]})");
  EXPECT_EQ(server().ask("GET", "/v2/models/FP32/versions/1").status, 200);
  EXPECT_EQ(server().ask("GET", "/v2/models/FP32/versions/v1").status, 200);
  EXPECT_EQ(server().ask("GET", "/v2/models/FP32/versions/v10").status, 404);
  EXPECT_EQ(server().ask("DELETE", "/v2/models/FP32").status, 405);
  const Json metadata = server().ask_json("GET", "/v2");
  EXPECT_EQ(metadata.find("name")->as_string(), "arete");
  const Json index = server().ask_json("POST", "/v2/repository/index", R"({"ready":true})");
  EXPECT_EQ(index.as_array().size(), 16U);
  EXPECT_EQ(server().ask_json("GET", "/v2/models/FP32/config").find("name")->as_string(), "FP32");
}

TEST(V2, StatisticsCount) {
  FakeServer own;
  own.add("m", "1", echo({{"x", DType::kFloat32, {-1}}}));
  own.load("m");
  for (int i = 0; i < 3; ++i) own.ask_json("POST", "/v2/models/m/infer", one_input("FP32", "[2]", "[1,2]"));
  EXPECT_EQ(own.ask("POST", "/v2/models/m/infer", one_input("FP32", "[2,1]", "[1,2]")).status, 400);
  // An answer is counted once it was sent, so that the last may be missing for a moment.
  const auto all_counted = [&] {
    const std::string body = own.ask("GET", "/v2/models/m/stats").body;
    return body.find(R"("success":{"count":3)") != std::string::npos &&
           body.find(R"("fail":{"count":1)") != std::string::npos;
  };
  for (int i = 0; i < 2000 && !all_counted(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const Json stats = own.ask_json("GET", "/v2/models/m/stats");
  const Json& row = stats.find("model_stats")->as_array().at(0);
  EXPECT_EQ(row.find("inference_count")->as_int64(), 6);
  EXPECT_EQ(row.find("execution_count")->as_int64(), 3);
  EXPECT_EQ(row.find("inference_stats")->find("success")->find("count")->as_int64(), 3);
  EXPECT_EQ(row.find("inference_stats")->find("fail")->find("count")->as_int64(), 1);
  EXPECT_EQ(row.find("batch_stats")->as_array().at(0).find("batch_size")->as_int64(), 2);
}

TEST(V2, LoadTakesNothingFromOutsideTheRepository) {
  const HttpResponse response =
      server().ask("POST", "/v2/repository/models/FP32/load", R"({"parameters":{"file:1/model.onnx":"AAAA"}})");
  EXPECT_EQ(response.status, 501);
  EXPECT_NE(response.body.find("repository folder"), std::string::npos);
}

TEST(V2, PackedBodiesAreTakenAndGiven) {
  std::string values = "[1";
  for (int i = 1; i < 2000; ++i) values += ",1";
  const HttpResponse response = infer("FP32", one_input("FP32", "[2000]", values + "]"), {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Encoding"), "gzip");
  EXPECT_LT(response.body.size(), 1000U);
  EXPECT_EQ(infer("FP32", "{}", {{"Content-Encoding", "br"}}).status, 415);
  EXPECT_EQ(infer("FP32", "{}", {{"Content-Encoding", "gzip"}}).status, 400);
}

// Whatever comes from how many threads, each gets the answer to its own question: its id, its outputs in its order, its
// values, its error.
TEST(V2, MixedRequestsOfManyThreadsGetTheirOwnAnswers) {
  FakeServer own;
  own.add("m", "1", echo({{"a", DType::kFloat32, {-1, -1}}, {"b", DType::kInt64, {-1}}}));
  own.load("m");
  while (own.table().pick("m")->model->batcher().max_rows() == 1) std::this_thread::yield();  // batches are proven
  static_cast<void>(own.ask("GET", "/v2"));  // its routes are made before the threads
  std::atomic<int> wrong{0}, refused{0};
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 6; ++seed) {
    threads.emplace_back([&own, &wrong, &refused, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 150; ++i) {
        const std::string id = std::to_string(seed) + "." + std::to_string(i);
        const auto rows = 1 + random() % 3;
        const auto width = 1 + random() % 2;
        const bool bad = random() % 8 == 0;
        std::string a;
        std::string b;
        for (std::size_t k = 0; k < rows * width; ++k) a += (k == 0 ? "" : ",") + std::to_string(random() % 1000);
        for (std::size_t k = 0; k < rows + (bad ? 1 : 0); ++k)
          b += (k == 0 ? "" : ",") + std::to_string(random() % 1000);
        const std::string shape = "[" + std::to_string(rows) + "," + std::to_string(width) + "]";
        const std::string count = "[" + std::to_string(rows) + "]";
        const bool only_b = random() % 2 == 0;
        const std::string body = R"({"id":")" + id + R"(","parameters":{"priority":)" + std::to_string(random() % 5) +
                                 R"(},"inputs":[{"name":"b","shape":)" + count + R"(,"datatype":"INT64","data":[)" + b +
                                 R"(]},{"name":"a","shape":)" + shape + R"(,"datatype":"FP32","data":[)" + a + "]}]" +
                                 (only_b ? R"(,"outputs":[{"name":"b_out"}])" : "") + "}";
        const HttpResponse response = own.ask("POST", "/v2/models/m/infer", body);
        if (bad) {
          refused += response.status == 400 ? 1 : 0;
          wrong += response.status == 400 ? 0 : 1;
          continue;
        }
        const std::string out_a = R"({"name":"a_out","datatype":"FP32","shape":)" + shape + R"(,"data":[)" + a + "]},";
        const std::string wanted = R"({"model_name":"m","model_version":"1","id":")" + id + R"(","outputs":[)" +
                                   (only_b ? "" : out_a) + R"({"name":"b_out","datatype":"INT64","shape":)" + count +
                                   R"(,"data":[)" + b + "]}]}";
        wrong += response.status == 200 && response.body == wanted ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace arete::serve
