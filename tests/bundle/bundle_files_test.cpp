// A bundle as a folder of files, and which of its variants a machine takes.
#include "bundle/files/bundle_files.h"
#include "bundle/files/open_bundle.h"

#include <algorithm>
#include <cstring>

#include "bundle/choose_variant.h"
#include "os/base/memory_files.h"
#include "tests/bundle/bundles.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

using test::bytes_of;
using test::small_manifest;
using test::view;

constexpr const char* kPath = "dir/b.arete";

std::string text_of(const SharedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.view.data()), bytes.view.size()};
}

// A bundle whose model says "weights" and whose golden answers say "answers".
std::string small_bundle(Manifest manifest = small_manifest()) {
  const std::vector<FileDraft> files = {{"int8/m.onnx", {{view("wei")}, {view("ghts")}}},
                                        {"int8/data/w.bin", {{view("external")}}},
                                        {"golden.npz", {{view("answers")}}}};
  auto made = Draft::make(std::move(manifest), files);
  CHECK(made.has_value());
  return bytes_of(*made);
}

class Files : public testing::Test {
 protected:
  void SetUp() override { open(small_bundle()); }
  void open(const std::string& bytes) {
    ASSERT_OK(os::write_text(system_, kPath, bytes));
    auto bundle = open_bundle(system_, kPath);
    ASSERT_OK(bundle);
    files_ = std::make_unique<BundleFiles>(std::move(*bundle), kPath);
  }

  os::MemoryFileSystem system_;
  std::unique_ptr<BundleFiles> files_;
};

TEST_F(Files, AreThereByPathsBelowTheBundles) {
  EXPECT_EQ(files_->model_path(files_->manifest().variants[0]), "dir/b.arete/int8/m.onnx");
  const auto model = files_->map("dir/b.arete/int8/m.onnx");
  ASSERT_OK(model);
  EXPECT_EQ(text_of(*model), "weights");
  EXPECT_EQ(files_->info("dir/b.arete/int8/m.onnx")->size_bytes, 7U);
  EXPECT_EQ(files_->info("dir/b.arete/int8")->kind, os::FileKind::kFolder);
  EXPECT_EQ(*os::read_file(*files_, "dir/b.arete/int8/data/w.bin", 100), "external");
  EXPECT_EQ(*files_->canonical("dir/b.arete/golden.npz"), "dir/b.arete/golden.npz");
  EXPECT_EQ(*files_->list("dir/b.arete"), (std::vector<std::string>{"golden.npz", "int8"}));
  EXPECT_EQ(*files_->list("dir/b.arete/int8"),
            (std::vector<std::string>{"data", "m.card.json", "m.golden.npz", "m.onnx"}));
}

TEST_F(Files, HaveCardAndGoldenAnswersBesideTheModel) {
  const auto card = os::read_file(*files_, "dir/b.arete/int8/m.card.json", 10'000);
  ASSERT_OK(card);
  const auto parsed = parse_card(*Json::parse(*card));
  ASSERT_OK(parsed);
  EXPECT_EQ(parsed->output.labels, (std::vector<std::string>{"low", "high"}));
  EXPECT_EQ(*os::read_file(*files_, "dir/b.arete/int8/m.golden.npz", 100), "answers");
}

TEST_F(Files, AreNoOthers) {
  for (const char* path : {"dir/b.arete/none", "int8/m.onnx", "dir/b.arete/int8/../int8/m.onnx", "/etc/hostname", ""}) {
    EXPECT_ERROR(files_->map(path), Code::kNotFound, "is not in the bundle");
    EXPECT_ERROR(files_->open(path), Code::kNotFound, path);
    EXPECT_ERROR(files_->info(path), Code::kNotFound, path);
  }
  EXPECT_ERROR(files_->map("dir/b.arete/int8"), Code::kInvalid, "is a folder");
  EXPECT_ERROR(files_->list("dir/b.arete/int8/m.onnx"), Code::kNotFound, "m.onnx");
}

TEST_F(Files, AreOnlyRead) {
  EXPECT_ERROR(os::write_text(*files_, "dir/b.arete/new", "text"), Code::kUnsupported, "only read");
  EXPECT_ERROR(files_->make_folders("dir/b.arete/new"), Code::kUnsupported, "only read");
  EXPECT_ERROR(files_->remove("dir/b.arete/golden.npz"), Code::kUnsupported, "only read");
}

TEST_F(Files, WithOtherBytesAreRefusedByName) {
  std::string bytes = small_bundle();
  bytes[bytes.find("ghts")] = 'X';
  open(bytes);
  EXPECT_ERROR(files_->map("dir/b.arete/int8/m.onnx"), Code::kCorrupt, "dir/b.arete/int8/m.onnx: blob ");
  ASSERT_OK(files_->map("dir/b.arete/golden.npz"));
  const auto file = files_->open("dir/b.arete/int8/m.onnx");
  ASSERT_OK(file);  // its size is known; its bytes are not yet
  std::array<std::byte, 4> some{};
  EXPECT_ERROR((*file)->read_at(0, some), Code::kCorrupt, "m.onnx");
}

TEST_F(Files, AreNotReadBeyondTheirEnd) {
  const auto file = files_->open("dir/b.arete/int8/m.onnx");
  ASSERT_OK(file);
  std::array<std::byte, 4> some{};
  ASSERT_OK((*file)->read_at(3, some));
  EXPECT_EQ(std::memcmp(some.data(), "ghts", 4), 0);
  EXPECT_ERROR((*file)->read_at(4, some), Code::kCorrupt, "shorter");
  EXPECT_ERROR((*file)->read_at(~std::uint64_t{0}, some), Code::kCorrupt, "shorter");
}

TEST(OpenBundle, NamesTheFile) {
  os::MemoryFileSystem system;
  const std::string bytes = small_bundle();
  ASSERT_OK(os::write_text(system, "cut.arete", bytes.substr(0, bytes.size() - 1)));
  ASSERT_OK(os::write_text(system, "m.onnx", "no bundle at all"));
  ASSERT_OK(os::write_text(system, "tiny", "x"));
  EXPECT_ERROR(open_bundle(system, "cut.arete"), Code::kCorrupt, "cut.arete: ");
  EXPECT_ERROR(open_bundle(system, "none"), Code::kNotFound, "'none'");
  EXPECT_TRUE(*is_bundle(system, "cut.arete"));  // it begins like one
  EXPECT_FALSE(*is_bundle(system, "m.onnx"));
  EXPECT_FALSE(*is_bundle(system, "tiny"));
  EXPECT_ERROR(is_bundle(system, "none"), Code::kNotFound, "'none'");
  EXPECT_TRUE(looks_like_bundle(view(bytes)));
  EXPECT_FALSE(looks_like_bundle(view(bytes).first(7)));
  EXPECT_FALSE(looks_like_bundle({}));
}

Manifest with_variants(const std::vector<std::array<const char*, 3>>& rows) {  // name, target, engine
  Manifest manifest;
  for (const auto& [name, target, engine] : rows)
    manifest.variants.push_back({name, target, engine, std::string(name) + ".onnx", {}, {}});
  return manifest;
}

std::string chosen(const Manifest& manifest, const std::string& name = "") {
  constexpr std::array<std::string_view, 2> kEngines = {"onnxruntime", "openvino"};
  const auto variant = choose_variant(manifest, {"x86_64-linux", kEngines, name});
  return variant ? (*variant)->name : to_string(variant.error());
}

TEST(ChooseVariant, TakesTheFirstForThisPlatformElseForAny) {
  EXPECT_EQ(chosen(with_variants({{"a", "any", "onnxruntime"},
                                  {"arm", "aarch64-linux", "onnxruntime"},
                                  {"x", "x86_64-linux", "onnxruntime"},
                                  {"y", "x86_64-linux", "openvino"}})),
            "x");
  EXPECT_EQ(chosen(with_variants(
                {{"arm", "aarch64-linux", "onnxruntime"}, {"a", "any", "openvino"}, {"b", "any", "onnxruntime"}})),
            "a");
}

TEST(ChooseVariant, LeavesOutEnginesThatAreNotThere) {
  EXPECT_EQ(chosen(with_variants({{"x", "x86_64-linux", "tensorrt"}, {"a", "any", "onnxruntime"}})), "a");
}

TEST(ChooseVariant, ListsAllWhereNoneFits) {
  const std::string said =
      chosen(with_variants({{"arm", "aarch64-linux", "onnxruntime"}, {"gpu", "x86_64-linux", "tensorrt"}}));
  for (const char* words :
       {"not_found", "x86_64-linux", "onnxruntime, openvino", "'arm' for aarch64-linux by onnxruntime",
        "'gpu' for x86_64-linux by tensorrt", "--variant"})
    EXPECT_NE(said.find(words), std::string::npos) << said;
}

TEST(ChooseVariant, TakesTheOneThatIsNamed) {
  const Manifest manifest =
      with_variants({{"a", "any", "onnxruntime"}, {"arm", "aarch64-linux", "onnxruntime"}, {"gpu", "any", "tensorrt"}});
  EXPECT_EQ(chosen(manifest, "arm"), "arm");
  EXPECT_NE(chosen(manifest, "none").find("no variant 'none'; there is 'a' for any"), std::string::npos);
  EXPECT_NE(chosen(manifest, "gpu").find("unavailable: the variant 'gpu' is for the engine tensorrt"),
            std::string::npos);
}

}  // namespace
}  // namespace arete::bundle
