// Bundles as bytes: what goes in comes out, and nothing else ever does.
#include <algorithm>
#include <cstring>

#include "bundle/cut.h"
#include "bundle/difference.h"
#include "core/npy.h"
#include "tests/bundle/bundles.h"
#include "tests/support/assert.h"

namespace arete::bundle {
namespace {

using test::bytes_of;
using test::noise;
using test::open;
using test::read;
using test::small_manifest;
using test::view;

struct Content {
  std::string model = std::string(50'000, 'w') + noise(20'000, 1) + std::string(10, 'e');
  std::string golden = noise(9'000, 2);

  std::vector<FileDraft> drafts() const {
    return {{"int8/m.onnx", cut_at(view(model), {{0, 50'000, "conv"}, {50'000, 20'000, "fc"}})},
            {"golden.npz", {{view(golden)}}}};
  }
};

Result<Draft> drafted(const Content& content) { return Draft::make(small_manifest(), content.drafts()); }

TEST(Bundle, GivesTheFilesAsTheyWere) {
  const Content content;
  auto made = drafted(content);
  ASSERT_OK(made);
  const std::string bytes = bytes_of(*made);
  auto opened = open(bytes);
  ASSERT_OK(opened);
  EXPECT_EQ(manifest_digest(*opened), manifest_digest(*made));
  EXPECT_EQ(write_manifest(opened->manifest()), opened->manifest_text());
  const auto model = read(*opened, "int8/m.onnx");
  ASSERT_OK(model);
  EXPECT_TRUE(*model == content.model);
  const auto golden = read(*opened, "golden.npz");
  ASSERT_OK(golden);
  EXPECT_TRUE(*golden == content.golden);
  ASSERT_OK(verify(*opened));
  EXPECT_TRUE(bytes_of(*opened) == bytes);
}

TEST(Bundle, IsTheSameForTheSameFiles) {
  const Content content;
  auto first = drafted(content);
  auto second = drafted(content);
  EXPECT_TRUE(bytes_of(*first) == bytes_of(*second));
}

TEST(Bundle, StoresPackedWhatGetsSmallerAndEqualPiecesOnce) {
  const Content content;
  std::vector<FileDraft> files = content.drafts();
  files.push_back({"float/m.onnx", cut_at(view(content.model), {{0, 50'000}, {50'000, 20'000, "fc"}})});
  auto made = Draft::make(small_manifest(), files);
  ASSERT_OK(made);
  const std::vector<Blob>& blobs = made->manifest().blobs;
  ASSERT_EQ(blobs.size(), 4U);  // conv, fc, the end, golden: the third file has no bytes of its own
  EXPECT_EQ(blobs[0].tensor, "conv");
  EXPECT_EQ(made->manifest().files[0].blobs, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(made->manifest().files[2].digest, made->manifest().files[0].digest);
  const std::string bytes = bytes_of(*made);
  // The noise is stored as it is, the repeated letter is not.
  EXPECT_NE(bytes.find(content.model.substr(50'000, 20'000)), std::string::npos);
  EXPECT_LT(open(bytes)->stored_bytes(), 20'000 + 9'000 + 1'000U);
}

TEST(Bundle, CutsLongRuns) {
  const std::string model = noise(kMaxBlobBytes + 5, 3);
  const std::string golden = "g";
  auto made = Draft::make(small_manifest(), std::vector<FileDraft>{{"int8/m.onnx", {{view(model), "w"}}},
                                                                   {"golden.npz", {{view(golden)}}}});
  ASSERT_OK(made);
  ASSERT_EQ(made->manifest().blobs.size(), 3U);
  EXPECT_EQ(made->manifest().blobs[1].bytes, 5U);
  EXPECT_EQ(made->manifest().blobs[1].tensor, "w");
  const std::string bytes = bytes_of(*made);
  auto opened = open(bytes);
  ASSERT_OK(opened);
  const auto again = read(*opened, "int8/m.onnx");
  ASSERT_OK(again);
  EXPECT_TRUE(*again == model);
}

TEST(Bundle, TakesAnEmptyFile) {
  const Content content;
  std::vector<FileDraft> files = content.drafts();
  files.push_back({"int8/empty.bin", {}});
  auto made = Draft::make(small_manifest(), files);
  const std::string bytes = bytes_of(*made);
  auto opened = open(bytes);
  ASSERT_OK(opened);
  EXPECT_EQ(*read(*opened, "int8/empty.bin"), "");
}

// Whatever is done to the bytes, a file is as it was or an error; and the manifest is believed or not at all.
TEST(Bundle, NoChangedByteGoesUnseen) {
  const Content content;
  auto made = drafted(content);
  ASSERT_OK(made);
  const std::string good = bytes_of(*made);
  const std::size_t blobs_at = 48 + made->manifest_text().size();
  for (std::size_t at = 0; at < good.size(); at += at < blobs_at || at + 100 > good.size() ? 1 : 97) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    auto opened = open(bad);
    EXPECT_FALSE(opened && verify(*opened)) << "byte " << at;
    if (!opened) continue;
    EXPECT_EQ(opened->manifest_text(), made->manifest_text()) << "byte " << at;
    EXPECT_GE(at, blobs_at);
  }
}

TEST(Bundle, SaysWhenItIsCutShortOrHasMore) {
  const Content content;
  auto made = drafted(content);
  const std::string good = bytes_of(*made);
  for (const std::size_t size : {std::size_t{0}, std::size_t{47}, std::size_t{48}, std::size_t{200}, good.size() - 1}) {
    const std::string cut = good.substr(0, size);
    const auto opened = open(cut);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
  }
  const std::string more = good + "x";
  EXPECT_FALSE(open(more).has_value());
  EXPECT_ERROR(open(good.substr(0, good.size() - 1)), Code::kCorrupt, "cut short");
  std::string newer = good;
  newer[8] = 9;
  EXPECT_ERROR(open(newer), Code::kUnsupported, "format 9");
  EXPECT_ERROR(open("PK\x03\x04" + std::string(100, '\0')), Code::kCorrupt, "does not begin like one");
}

TEST(Blob, UnpacksOneFrameOfItsOwnLengthOnly) {
  const std::string text(100'000, 'a');
  BlobPacker packer;
  const Packed packed = packer.pack(view(text));
  ASSERT_EQ(packed.coding, Coding::kZstd);
  const auto unpack = [&](const std::vector<std::byte>& stored, std::uint64_t bytes) {
    std::vector<std::byte> into(bytes);
    return BlobUnpacker().unpack(Coding::kZstd, stored, {}, into);
  };
  ASSERT_OK(unpack(packed.bytes, text.size()));
  EXPECT_ERROR(unpack(packed.bytes, text.size() - 1), Code::kCorrupt, "broken");  // a bomb: says less than it holds
  EXPECT_ERROR(unpack(packed.bytes, text.size() + 1), Code::kCorrupt, "broken");
  std::vector<std::byte> twice = packed.bytes;
  twice.insert(twice.end(), packed.bytes.begin(), packed.bytes.end());
  EXPECT_ERROR(unpack(twice, text.size()), Code::kCorrupt, "broken");
  const std::vector<std::byte> cut(packed.bytes.begin(), packed.bytes.end() - 1);
  EXPECT_ERROR(unpack(cut, text.size()), Code::kCorrupt, "broken");
}

TEST(Blob, APatchIsSmallAndNeedsItsBase) {
  const std::string base = noise(200'000, 5);
  std::string changed = base;
  changed.insert(100'000, "something new");
  BlobPacker packer;
  const Packed patch = packer.pack_against(view(base), view(changed));
  ASSERT_EQ(patch.coding, Coding::kPatch);
  EXPECT_LT(patch.bytes.size(), 500U);
  std::vector<std::byte> into(changed.size());
  BlobUnpacker unpacker;
  ASSERT_OK(unpacker.unpack(Coding::kPatch, patch.bytes, view(base), into));
  EXPECT_TRUE(std::ranges::equal(into, view(changed)));
  const std::string other = noise(200'000, 6);
  const Status wrong = unpacker.unpack(Coding::kPatch, patch.bytes, view(other), into);
  EXPECT_FALSE(wrong && check_blob({digest_of(view(changed)), changed.size()}, into));
  ASSERT_OK(unpacker.unpack(Coding::kPatch, patch.bytes, view(base), into));  // an error left nothing behind
  EXPECT_EQ(packer.pack_against(view(other), view(base)).coding, Coding::kRaw);
}

// ---- Cutting ----

TEST(Cut, PiecesAreTheFile) {
  const std::string file = noise(100'000, 4);
  // Out of order, overlapping, short, beyond the end, and with an offset that wraps around.
  const std::vector<Mark> marks = {{50'000, 10'000, "b"},     {0, 8'000, "a"},
                                   {55'000, 9'000, "over b"}, {70'000, 10, "short"},
                                   {99'000, 8'000, "end"},    {~std::uint64_t{0} - 10, 8'000, "wraps"}};
  const std::vector<Piece> pieces = cut_at(view(file), marks);
  std::string again;
  std::vector<std::string> names;
  for (const Piece& piece : pieces) {
    again.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    names.push_back(piece.tensor);
  }
  EXPECT_TRUE(again == file);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_TRUE(cut_at({}, {}).empty());
}

TEST(Cut, ArraysOfAnArchiveStayTheSame) {
  const std::vector<float> first(5'000, 1.5F);
  std::vector<float> second(5'000, 2.5F);
  const auto archive = [&] {
    return *write_npz(
        std::vector<NamedTensor>{{"input/x", Tensor::of<float>({5000}, std::span<const float>(first))},
                                 {"output/y", Tensor::of<float>({5000}, std::span<const float>(second))}});
  };
  const std::string before = archive();
  second[17] = 3;
  const std::string after = archive();
  const std::vector<Piece> a = cut_at(view(before), marks_of_archive(view(before)));
  const std::vector<Piece> b = cut_at(view(after), marks_of_archive(view(after)));
  ASSERT_EQ(a.size(), 3U);
  ASSERT_EQ(b.size(), 3U);
  EXPECT_TRUE(std::ranges::equal(a[0].bytes, b[0].bytes));
  EXPECT_FALSE(std::ranges::equal(a[1].bytes, b[1].bytes));
  EXPECT_EQ(a[0].tensor, "input/x.npy");
  EXPECT_TRUE(marks_of_archive(view("no archive")).empty());
}

// ---- What changed ----

TEST(Difference, NamesFieldsFilesAndTensors) {
  Content content;
  const auto before = drafted(content);
  content.model[60'000] = static_cast<char>(content.model[60'000] ^ 1);
  Manifest manifest = small_manifest();
  manifest.version = "1.5.0";
  manifest.changelog.clear();
  std::vector<FileDraft> files = content.drafts();
  files.push_back({"notes.txt", {{view("new")}}});
  const auto after = Draft::make(manifest, files);
  ASSERT_OK(after);
  const auto found = difference(write_manifest(before->manifest()), write_manifest(after->manifest()));
  ASSERT_OK(found);
  EXPECT_EQ(found->fields, (std::vector<std::string>{"changelog", "version"}));
  ASSERT_EQ(found->files.size(), 2U);
  EXPECT_EQ(found->files[0].path, "int8/m.onnx");
  EXPECT_EQ(found->files[0].tensors, (std::vector<std::string>{"fc"}));
  EXPECT_EQ(found->files[0].changed_bytes, 20'000U);
  EXPECT_EQ(found->files[1].kind, FileDifference::Kind::kAdded);
  EXPECT_EQ(found->new_blobs, 2U);
  const auto none = difference(write_manifest(after->manifest()), write_manifest(after->manifest()));
  EXPECT_TRUE(none->fields.empty() && none->files.empty() && none->new_blobs == 0);
}

}  // namespace
}  // namespace arete::bundle
