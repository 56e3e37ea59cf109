// Manifests: every field there and back, every rule with what breaks it.
#include <functional>

#include "bundle/manifest.h"
#include "tests/bundle/bundles.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

using test::small_manifest;
using test::view;

Manifest whole() {
  static const std::string model = test::noise(5'000, 1);
  const std::vector<FileDraft> files = {{"int8/m.onnx", {{view(model), "fc"}}}, {"golden.npz", {{view("golden")}}}};
  return Draft::make(small_manifest(), files)->manifest();
}

TEST(Manifest, ReadsWhatItWrote) {
  const std::string text = write_manifest(whole());
  const auto read = parse_manifest(text);
  ASSERT_OK(read);
  EXPECT_EQ(write_manifest(*read), text);
  EXPECT_EQ(read->name, "shoes");
  EXPECT_EQ(read->release, 7U);
  EXPECT_EQ(read->card->output.labels, (std::vector<std::string>{"low", "high"}));
  EXPECT_EQ(read->variants[0].tolerances[0].tolerance, 0.015);
  EXPECT_EQ(read->variants[0].agreement, 0.9375);
  EXPECT_EQ(read->claims[1].how, "counted");
  EXPECT_EQ(read->blobs[0].tensor, "fc");
  EXPECT_FALSE(read->reference);
}

TEST(Manifest, NamesTheDriftReference) {
  Manifest manifest = whole();
  manifest.reference = {"golden.npz", 300};
  const std::string text = write_manifest(manifest);
  EXPECT_NE(text.find(R"("reference":{"file":"golden.npz","samples":300})"), std::string::npos);
  const auto read = parse_manifest(text);
  ASSERT_OK(read);
  EXPECT_EQ(read->reference->path, "golden.npz");
  EXPECT_EQ(read->reference->samples, 300);
  EXPECT_EQ(write_manifest(*read), text);
}

TEST(Manifest, FieldsOfTomorrowAreNoMistake) {
  Json json = *Json::parse(write_manifest(whole()));
  json.set("colour", "red");
  json.set("sensors", Json::object({{"bins", Json::array()}}));
  ASSERT_OK(parse_manifest(json.dump()));
}

TEST(Manifest, RefusesWhatBreaksARule) {
  using Change = std::function<void(Manifest&)>;
  const std::vector<std::tuple<const char*, Code, Change>> rows = {
      {"the name", Code::kInvalid, [](Manifest& m) { m.name = "a/b"; }},
      {"the name", Code::kInvalid, [](Manifest& m) { m.name = ""; }},
      {"the name", Code::kInvalid, [](Manifest& m) { m.name = "-rf"; }},
      {"the name", Code::kInvalid, [](Manifest& m) { m.name = std::string(101, 'a'); }},
      {"the version", Code::kInvalid, [](Manifest& m) { m.version = "1"; }},
      {"minimum agent", Code::kInvalid, [](Manifest& m) { m.minimum_agent = "new"; }},
      {"inputs", Code::kInvalid, [](Manifest& m) { m.inputs.clear(); }},
      {"two outputs", Code::kInvalid, [](Manifest& m) { m.outputs[1].name = "y"; }},
      {"shape", Code::kInvalid, [](Manifest& m) { m.inputs[0].shape = {-2}; }},
      {"variants", Code::kInvalid, [](Manifest& m) { m.variants.clear(); }},
      {"two variants", Code::kInvalid,
       [](Manifest& m) {
         m.variants.push_back(m.variants[0]);
         m.variants[1].name = "INT8";
       }},
      {"no file", Code::kInvalid, [](Manifest& m) { m.variants[0].model = "x"; }},
      {"target", Code::kInvalid, [](Manifest& m) { m.variants[0].target = "a b"; }},
      {"no output", Code::kInvalid, [](Manifest& m) { m.variants[0].tolerances[0].output = "q"; }},
      {"0..1", Code::kInvalid, [](Manifest& m) { m.variants[0].tolerances[0].tolerance = 1.5; }},
      {"each output", Code::kInvalid, [](Manifest& m) { m.variants[0].tolerances.pop_back(); }},
      {"golden", Code::kInvalid, [](Manifest& m) { m.golden->path = "g"; }},
      {"golden", Code::kInvalid, [](Manifest& m) { m.golden->samples = 0; }},
      {"evaluation", Code::kInvalid, [](Manifest& m) { m.evaluation = {"e.npz", 5}; }},
      {"drift reference", Code::kInvalid, [](Manifest& m) { m.reference = {"r.json", 5}; }},
      {"drift reference", Code::kInvalid, [](Manifest& m) { m.reference = {"golden.npz", 0}; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "../m.onnx"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "/etc/passwd"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "a/./b"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "a//b"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "C:\\m.onnx"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = std::string("a\0b", 3); }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "\xFF"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = "a/"; }},
      {"relative", Code::kUntrusted, [](Manifest& m) { m.files[0].path = std::string(256, 'a'); }},
      {"the path", Code::kInvalid, [](Manifest& m) { m.files[1].path = "INT8/m.onnx"; }},
      {"a file and a folder", Code::kInvalid, [](Manifest& m) { m.files[1].path = "int8"; }},
      {"blob", Code::kInvalid, [](Manifest& m) { m.files[0].blobs[0] = 9; }},
      {"its blobs", Code::kInvalid, [](Manifest& m) { ++m.files[0].bytes; }},
      {"twice", Code::kInvalid, [](Manifest& m) { m.blobs[1].digest = m.blobs[0].digest; }},
      {"must have 1 to", Code::kInvalid, [](Manifest& m) { m.blobs[0].bytes = kMaxBlobBytes + 1; }},
      {"must have 1 to", Code::kInvalid, [](Manifest& m) { m.blobs[0].bytes = 0; }},
      {"no file has", Code::kInvalid, [](Manifest& m) { m.blobs.push_back({Digest{}, 1}); }}};
  for (const auto& [words, code, change] : rows) {
    Manifest manifest = whole();
    change(manifest);
    EXPECT_ERROR(check_manifest(manifest), code, words);
    EXPECT_FALSE(parse_manifest(write_manifest(manifest)).has_value()) << words;
  }
}

// A few bytes that claim petabytes: one blob again and again.
TEST(Manifest, SizesAreLimitedTogether) {
  Manifest manifest = whole();
  manifest.blobs[0].bytes = kMaxBlobBytes;
  manifest.files[0].blobs.assign(5'000, 0);
  manifest.files[0].bytes = 5'000 * kMaxBlobBytes;
  EXPECT_ERROR(check_manifest(manifest), Code::kExhausted, "files are over");
  manifest.files[0].blobs.assign(kMaxBlobUses + 1, 0);
  EXPECT_ERROR(check_manifest(manifest), Code::kExhausted, "uses of blobs");
}

TEST(Manifest, WrongTypesAreNamed) {
  const std::string text = write_manifest(whole());
  const std::vector<std::tuple<const char*, Json, const char*>> rows = {
      {"name", 1, "\"name\" must be text"},
      {"release", -1, "\"release\" must be a whole number"},
      {"release", 1.5, "\"release\""},
      {"files", "x", "\"files\" must be a list"},
      {"blobs", Json::array(), "blob"},
      {"inputs", Json(Json::Array{Json(1)}), "an input or output must be an object"},
      {"card", Json::object({{"input", 3}}), ""},
      {"golden", 3, "\"golden\" must be an object"},
      {"reference", 3, "\"reference\" must be an object"},
      {"reference", Json::object({{"file", "golden.npz"}}), "\"samples\" must be a whole number"}};
  for (const auto& [key, value, words] : rows) {
    Json json = *Json::parse(text);
    json.set(key, value);
    const auto read = parse_manifest(json.dump());
    ASSERT_FALSE(read.has_value()) << key;
    EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
  }
  EXPECT_ERROR(parse_manifest("{"), Code::kCorrupt, "the manifest");
  EXPECT_ERROR(parse_manifest("[]"), Code::kInvalid, "must be an object");
  EXPECT_ERROR(parse_manifest(std::string(100, '[')), Code::kExhausted, "");
}

}  // namespace
}  // namespace arete::bundle
