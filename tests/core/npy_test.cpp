// .npy and .npz in both directions with NumPy itself, and files that lie.
#include "core/npy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "os/base/files.h"
#include "tests/support/assert.h"
#include "tests/support/python_models.h"

namespace arete {
namespace {

constexpr std::size_t kPlenty = std::size_t{1} << 30;
constexpr std::array<const char*, 14> kTypes = {"f4", "f8", "f2", "i1", "i2", "i4", "i8",
                                                "u1", "u2", "u4", "u8", "b1", "c8", "c16"};

std::string read(const std::string& path) {
  const auto text = os::read_file(os::real_file_system(), path, 1 << 24);
  EXPECT_TRUE(text.has_value()) << path;
  return text.value_or("");
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// 0..5 in [2,3], as arrays.py counts; booleans are 0 and then 1.
template <class T>
Tensor count() {
  return Tensor::of<T>({2, 3}, {T(0), T(1), T(2), T(3), T(4), T(5)});
}

Tensor counting(std::string_view type) {
  if (type == "f8") return count<double>();
  if (type == "i1") return count<std::int8_t>();
  if (type == "i2") return count<std::int16_t>();
  if (type == "i4") return count<std::int32_t>();
  if (type == "i8") return count<std::int64_t>();
  if (type == "u1") return count<std::uint8_t>();
  if (type == "u2") return count<std::uint16_t>();
  if (type == "u4") return count<std::uint32_t>();
  if (type == "u8") return count<std::uint64_t>();
  if (type == "b1") return count<bool>();
  if (type == "f2") {
    std::vector<std::uint16_t> halves;
    for (int i = 0; i < 6; ++i) halves.push_back(float_to_half(static_cast<float>(i)));
    return *Tensor::wrap(DType::kFloat16, {2, 3}, share_bytes(halves));
  }
  if (type == "c8") {
    const std::vector<float> pairs = {0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0};
    return *Tensor::wrap(DType::kComplex64, {2, 3}, share_bytes(pairs));
  }
  if (type == "c16") {
    const std::vector<double> pairs = {0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0};
    return *Tensor::wrap(DType::kComplex128, {2, 3}, share_bytes(pairs));
  }
  return count<float>();
}

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && std::ranges::equal(a.bytes(), b.bytes());
}

class NumPy : public testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_MODELS(folder_); }
  Result<Tensor> npy(const std::string& name) { return parse_npy(bytes_of(read(folder_ + "/" + name))); }
  std::string folder_ = test::python_models("tests/core/arrays.py");
};

TEST_F(NumPy, WritesWhatWeRead) {
  for (const char* type : kTypes) {
    const auto tensor = npy("plain_" + std::string(type) + ".npy");
    ASSERT_OK(tensor);
    EXPECT_TRUE(same(*tensor, counting(type))) << type;
  }
  EXPECT_EQ(npy("scalar.npy")->shape(), Shape{});
  EXPECT_EQ(npy("scalar.npy")->data<float>()[0], 2.5F);
  EXPECT_EQ(npy("empty.npy")->shape(), (Shape{0, 3}));
  EXPECT_EQ(npy("one_axis.npy")->shape(), Shape{5});
  EXPECT_EQ(npy("many_axes.npy")->shape(), Shape(20, 1));
  for (const char* version : {"1", "2", "3"}) {
    EXPECT_EQ(npy(std::string("version_") + version + ".npy")->data<float>()[2], 2.0F);
  }
}

TEST_F(NumPy, WritesArchivesThatWeRead) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto arrays = parse_npz(bytes_of(read(folder_ + "/" + name)), kPlenty);
    ASSERT_OK(arrays);
    ASSERT_EQ(arrays->size(), kTypes.size());
    for (std::size_t i = 0; i < kTypes.size(); ++i) {
      EXPECT_EQ((*arrays)[i].name, kTypes[i]);
      EXPECT_TRUE(same((*arrays)[i].tensor, counting(kTypes[i]))) << kTypes[i];
    }
  }
  const auto named = parse_npz(bytes_of(read(folder_ + "/names.npz")), kPlenty);
  ASSERT_OK(named);
  EXPECT_EQ((*named)[0].name, "a b");
  EXPECT_EQ((*named)[1].name, "é/ü");
  EXPECT_EQ((*named)[2].name, "");
}

TEST_F(NumPy, ReadsWhatWeWrite) {
  std::vector<NamedTensor> tensors;
  const std::string out = ::testing::TempDir() + "/arete_arrays_" + std::to_string(::getpid());
  std::filesystem::create_directories(out);
  const os::FileSystem& files = os::real_file_system();
  for (const char* type : kTypes) {
    tensors.push_back({type, counting(type)});
    const auto bytes = write_npy(tensors.back().tensor);
    ASSERT_OK(bytes);
    ASSERT_OK(os::write_text(files, out + "/ours_" + type + ".npy", *bytes));
    EXPECT_TRUE(same(*parse_npy(bytes_of(*bytes)), counting(type)));
  }
  tensors.push_back({"scalar", Tensor::scalar(2.5F)});
  tensors.push_back({"empty", *Tensor::zeros(DType::kFloat32, {0, 3})});
  tensors.push_back({"one axis é", *Tensor::zeros(DType::kFloat32, {5})});
  const auto archive = write_npz(tensors);
  ASSERT_OK(archive);
  ASSERT_OK(os::write_text(files, out + "/ours.npz", *archive));
  const auto back = parse_npz(bytes_of(*archive), kPlenty);
  ASSERT_OK(back);
  EXPECT_EQ(back->size(), tensors.size());
  const std::string command = "'" + test::source_path("build/venv/bin/python") + "' '" +
                              test::source_path("tests/core/arrays.py") + "' '" + out + "' check";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove_all(out);
}

TEST_F(NumPy, SaysHowToSaveAgainWhatIsNoTensor) {
  EXPECT_ERROR(npy("fortran.npy"), Code::kUnsupported, "np.ascontiguousarray");
  EXPECT_ERROR(npy("big_endian.npy"), Code::kUnsupported, "astype('<f4')");
  EXPECT_ERROR(npy("text.npy"), Code::kUnsupported, "<U2");
  EXPECT_ERROR(npy("objects.npy"), Code::kUnsupported, "|O");
  EXPECT_ERROR(npy("structured.npy"), Code::kUnsupported, "one array a field");
}

// The end of the last run lies in zlib's memory when the packed bytes are already used up.
TEST_F(NumPy, StreamsADeflatedEntryInStepsOfAnySize) {
  const std::string archive = read(folder_ + "/long_runs.npz");
  const ReadAt read_at = read_at_memory(bytes_of(archive));
  const auto entries = read_zip_directory(read_at, archive.size());
  ASSERT_OK(entries);
  for (const std::size_t step : {1UL, 7UL, 4096UL, 1UL << 20}) {
    auto stream = ZipStream::open(read_at, (*entries)[0]);
    ASSERT_OK(stream);
    const auto header = read_npy_header(**stream);
    ASSERT_OK(header);
    EXPECT_EQ(header->shape, (Shape{300, 1000}));
    std::vector<std::byte> data(1'200'000, std::byte{1});
    for (std::size_t at = 0; at < data.size(); at += step) {
      const std::size_t size = std::min(step, data.size() - at);
      ASSERT_OK((*stream)->read(std::span(data).subspan(at, size)));
    }
    EXPECT_TRUE(std::ranges::all_of(data, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_ERROR((*stream)->read(std::span(data).first(1)), Code::kCorrupt, "shorter");
  }
}

TEST_F(NumPy, RefusesEveryTruncationOfAnArray) {
  const std::string whole = read(folder_ + "/plain_f4.npy");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_npy(bytes_of(whole.substr(0, length))).has_value()) << length;
  }
  EXPECT_ERROR(parse_npy(bytes_of(whole + "x")), Code::kCorrupt, "needs 24 bytes");
}

TEST_F(NumPy, RefusesEveryTruncationOfAnArchive) {
  for (const char* name : {"/stored.npz", "/deflated.npz", "/long_runs.npz"}) {
    const std::string whole = read(folder_ + name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      EXPECT_FALSE(parse_npz(bytes_of(whole.substr(0, length)), kPlenty).has_value()) << length;
    }
  }
}

// Whatever byte is wrong: an error or the same arrays, never a crash and never other numbers.
TEST_F(NumPy, SurvivesEveryChangedByte) {
  const std::string whole = read(folder_ + "/deflated.npz");
  const auto good = parse_npz(bytes_of(whole), kPlenty);
  ASSERT_OK(good);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      const auto arrays = parse_npz(bytes_of(changed), std::size_t{1} << 20);
      if (!arrays) continue;
      for (std::size_t i = 0; i < arrays->size(); ++i) {
        ASSERT_TRUE(same((*arrays)[i].tensor, (*good)[i].tensor)) << "byte " << at;
      }
    }
  }
}

std::string header_of(const std::string& dictionary, std::size_t data_bytes = 0) {
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(dictionary.size() & 0xFF);
  out += static_cast<char>(dictionary.size() >> 8);
  return out + dictionary + std::string(data_bytes, '\0');
}

TEST(Npy, RefusesHostileHeaders) {
  const auto parse = [](const std::string& text) { return parse_npy(bytes_of(text)); };
  const auto with_shape = [](const std::string& shape) {
    return header_of("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }");
  };
  EXPECT_ERROR(parse(with_shape("(4611686018427387904, 4)")), Code::kExhausted, "2^40");
  EXPECT_ERROR(parse(with_shape("(-4,)")), Code::kInvalid, "negative");
  EXPECT_ERROR(parse(with_shape("(99999999999999999999,)")), Code::kCorrupt, "numbers");
  EXPECT_ERROR(parse(with_shape("(two,)")), Code::kCorrupt, "numbers");
  EXPECT_ERROR(parse(with_shape("[2]")), Code::kCorrupt, "no shape");
  EXPECT_ERROR(parse(with_shape("(1099511627776,)")), Code::kExhausted, "");
  EXPECT_ERROR(parse(with_shape("(1073741824,)")), Code::kCorrupt, "needs 4294967296 bytes");
  std::string deep = "(";
  for (int i = 0; i < 65; ++i) deep += "1,";
  EXPECT_ERROR(parse(with_shape(deep + ")")), Code::kExhausted, "rank 65");
  EXPECT_ERROR(parse(header_of("{}")), Code::kUnsupported, "");
  EXPECT_ERROR(parse(header_of("{'descr': '<f4'")), Code::kCorrupt, "no shape");
  EXPECT_ERROR(parse(header_of("{'descr': '")), Code::kUnsupported, "");
  EXPECT_ERROR(parse(std::string("\x93NUMPY\x09\x00\x10\x00", 10)), Code::kUnsupported, "version 9");
  EXPECT_ERROR(parse(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)), Code::kExhausted, "64 KiB");
  EXPECT_ERROR(parse("not an array"), Code::kCorrupt, "magic");
}

TEST(Npy, RefusesDtypesThatNumPyLacks) {
  for (const DType dtype : {DType::kBfloat16, DType::kString, DType::kInt4, DType::kFloat8E5M2}) {
    EXPECT_ERROR(write_npy(*Tensor::zeros(dtype, {1})), Code::kUnsupported, std::string(name_of(dtype)));
  }
}

TEST(Npy, StartsItsDataAtAMultipleOf64) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1000000, 0, 1}, Shape(30, 1)}) {
    const auto bytes = write_npy(*Tensor::zeros(DType::kUint8, shape));
    ASSERT_OK(bytes);
    EXPECT_EQ(parse_npy_header(bytes_of(*bytes))->data_offset % 64, 0U);
  }
}

}  // namespace
}  // namespace arete
