// DATA of every kind: what is read, in which order, with which labels; and what is refused and how.
#include "tune/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include "core/npy.h"
#include "core/zip.h"
#include "os/base/memory_files.h"
#include "tests/support/assert.h"
#include "tests/support/tiny_png.h"
#include "tune/csv_reader.h"

namespace arete::tune {
namespace {

using os::MemoryFileSystem;

ModelCard image_card(int side, int channels, std::vector<std::string> labels = {}) {
  ModelCard card;
  card.input.kind = InputKind::kImage;
  card.input.width = side;
  card.input.height = side;
  card.input.mean.assign(static_cast<std::size_t>(channels), 0.0F);
  card.input.std.assign(static_cast<std::size_t>(channels), 1.0F);
  card.output.labels = std::move(labels);
  return card;
}

DatasetOptions image_options(std::vector<std::string> labels = {}) {
  DatasetOptions options;
  options.card = image_card(2, 1, std::move(labels));
  options.inputs = {{"image", DType::kFloat32, {-1, 1, 2, 2}, true}};
  return options;
}

DatasetOptions tensor_options(Shape shape, DType dtype = DType::kFloat32, std::vector<std::string> labels = {}) {
  DatasetOptions options;
  options.inputs = {{"in", dtype, std::move(shape), true}};
  options.card.output.labels = std::move(labels);
  return options;
}

void put(const MemoryFileSystem& files, const std::string& path, const std::string& content) {
  ASSERT_OK(os::write_text(files, path, content));
}

// Reads to the end. Errors are kept as their messages, in order.
struct Stream {
  std::vector<Sample> samples;
  std::vector<std::string> errors;
};

Stream read_all(SampleSource& source) {
  Stream stream;
  for (std::size_t i = 0; i < source.size() + 5; ++i) {
    Result<std::optional<Sample>> sample = source.next();
    if (!sample) {
      stream.errors.push_back(to_string(sample.error()));
    } else if (*sample) {
      stream.samples.push_back(std::move(**sample));
    } else {
      return stream;
    }
  }
  ADD_FAILURE() << "the stream does not end";
  return stream;
}

std::vector<std::string> origins_of(const Stream& stream) {
  std::vector<std::string> origins;
  for (const Sample& sample : stream.samples) origins.push_back(sample.origin);
  return origins;
}

std::vector<std::int64_t> labels_of(const Stream& stream) {
  std::vector<std::int64_t> labels;
  for (const Sample& sample : stream.samples) labels.push_back(sample.label.value_or(-1));
  return labels;
}

std::vector<float> floats_of(const Sample& sample, std::size_t input = 0) {
  const std::span<const float> values = sample.inputs[input].tensor.data<float>();
  return {values.begin(), values.end()};
}

// Opens DATA that must open.
std::unique_ptr<Dataset> opened(const os::FileSystem& files, const std::string& path, const DatasetOptions& options) {
  Result<std::unique_ptr<Dataset>> dataset = open_dataset(files, path, options);
  EXPECT_TRUE(dataset.has_value()) << to_string(dataset ? Error{} : dataset.error());
  return dataset ? std::move(*dataset) : nullptr;
}

// --- folders ---
class FolderTest : public testing::Test {
 protected:
  void add(const std::string& name, char value = 'a') { put(files_, "data/" + name, test::flat_png(3, 3, 1, value)); }
  Result<std::unique_ptr<Dataset>> open(const DatasetOptions& options) const {
    return open_dataset(files_, "data", options);
  }
  MemoryFileSystem files_;
};

TEST_F(FolderTest, TakesOneOfEachClassInTurn) {
  for (const char* name : {"dog/1.png", "dog/2.png", "dog/3.png", "cat/b.PNG", "cat/a.png", "emu/x.png"}) add(name);
  const auto dataset = opened(files_, "data", image_options({"emu", "cat", "dog"}));
  ASSERT_NE(dataset, nullptr);
  EXPECT_EQ(dataset->size(), 6U);
  EXPECT_TRUE(dataset->has_labels());
  const Stream stream = read_all(*dataset);
  EXPECT_EQ(origins_of(stream),
            (std::vector<std::string>{"emu/x.png", "cat/a.png", "dog/1.png", "cat/b.PNG", "dog/2.png", "dog/3.png"}));
  EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{0, 1, 2, 1, 2, 2}));
  EXPECT_EQ(stream.samples[0].inputs[0].name, "image");
  EXPECT_EQ(stream.samples[0].inputs[0].tensor.shape(), (Shape{1, 1, 2, 2}));
  ASSERT_OK(dataset->rewind());
  EXPECT_EQ(origins_of(read_all(*dataset)), origins_of(stream));
}

TEST_F(FolderTest, NamesAreDecodedAndCaseMayDiffer) {
  for (const char* name : {"T-shirt%2Ftop/1.png", "BAG/1.png", "50%/1.png"}) add(name);
  const auto dataset = opened(files_, "data", image_options({"50%", "Bag", "T-shirt/top"}));
  ASSERT_NE(dataset, nullptr);
  EXPECT_EQ(labels_of(read_all(*dataset)), (std::vector<std::int64_t>{0, 1, 2}));
}

TEST_F(FolderTest, AmbiguousOrUnknownNamesAreErrors) {
  add("bag/1.png");
  EXPECT_ERROR(open(image_options({"Bag", "BAG"})), Code::kInvalid,
               "'bag' matches no label; folders: bag; labels: Bag, BAG");
  EXPECT_ERROR(open(image_options({"Shoe"})), Code::kInvalid, "matches no label");
  add("BAG/1.png");
  EXPECT_ERROR(open(image_options({"Bag"})), Code::kInvalid, "'BAG' and 'bag' match the same label 'Bag'");
}

TEST_F(FolderTest, WithoutLabelsTheFoldersAreTheClasses) {
  for (const char* name : {"b/1.png", "a%2Fz/1.png", "c/1.png"}) add(name);
  const auto named = opened(files_, "data", image_options());
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(named->labels(), (std::vector<std::string>{"a/z", "b", "c"}));
  MemoryFileSystem numbered;
  for (int i = 0; i < 12; ++i) put(numbered, "d/" + std::to_string(i) + "/1.png", test::flat_png(1, 1, 1, 'a'));
  const auto numbers = opened(numbered, "d", image_options());
  ASSERT_NE(numbers, nullptr);
  EXPECT_EQ(numbers->labels()[2], "2");
  EXPECT_EQ(read_all(*numbers).samples[10].origin, "10/1.png");
}

TEST_F(FolderTest, AFlatFolderHasNoLabels) {
  for (const char* name : {"2.png", "1.png", "notes.txt", ".hidden.png"}) add(name);
  const auto dataset = opened(files_, "data", image_options({"x", "y"}));
  ASSERT_NE(dataset, nullptr);
  EXPECT_FALSE(dataset->has_labels());
  EXPECT_EQ(origins_of(read_all(*dataset)), (std::vector<std::string>{"1.png", "2.png"}));
}

TEST_F(FolderTest, BadImagesAreNamedAndTheStreamGoesOn) {
  add("1.png");
  put(files_, "data/2.png", "not an image");
  put(files_, "data/3.webp", std::string("RIFF....WEBP"));
  put(files_, "data/4.jpg", "");
  add("5.png");
  const auto dataset = opened(files_, "data", image_options());
  ASSERT_NE(dataset, nullptr);
  const Stream stream = read_all(*dataset);
  EXPECT_EQ(origins_of(stream), (std::vector<std::string>{"1.png", "5.png"}));
  ASSERT_EQ(stream.errors.size(), 3U);
  EXPECT_NE(stream.errors[0].find("2.png: no image format that we know"), std::string::npos) << stream.errors[0];
  EXPECT_NE(stream.errors[1].find("3.webp: WebP images are not supported"), std::string::npos) << stream.errors[1];
  EXPECT_NE(stream.errors[2].find("4.jpg: the image is empty"), std::string::npos) << stream.errors[2];
}

TEST_F(FolderTest, FoldersWithoutImagesSayWhatWasExpected) {
  put(files_, "data/notes.txt", "x");
  EXPECT_ERROR(open(image_options()), Code::kInvalid, "'data' holds no images: it must hold a folder for each class");
  put(files_, "data/cat/notes.txt", "x");
  EXPECT_ERROR(open(image_options()), Code::kInvalid, "the class folder 'data/cat' holds no images");
  EXPECT_ERROR(open(image_options({"cat"})), Code::kInvalid, "'data' holds no images");
  add("1.png");
  EXPECT_ERROR(open(image_options()), Code::kInvalid, "holds images ('1.png') beside class folders ('cat')");
  EXPECT_ERROR(open_dataset(files_, "nowhere", image_options()), Code::kNotFound, "nowhere");
}

TEST_F(FolderTest, AnInputWithoutABatchAxisTakesOneImage) {
  add("a.png");
  DatasetOptions options = image_options();
  Shape& shape = options.inputs[0].shape;
  shape.erase(shape.begin());
  const Result<std::unique_ptr<Dataset>> dataset = open(options);
  ASSERT_OK(dataset);
  const Stream stream = read_all(**dataset);
  ASSERT_EQ(stream.samples.size(), 1U);
  EXPECT_TRUE(stream.samples[0].whole);
  EXPECT_EQ(stream.samples[0].inputs[0].tensor.shape(), shape);
}

TEST_F(FolderTest, CardAndModelMustAgree) {
  add("cat/1.png");
  DatasetOptions options = image_options();
  options.inputs[0].shape = {-1, 3, 2, 2};
  EXPECT_ERROR(open(options), Code::kInvalid, "[1,1,2,2] do not fit the model's input image float32[?,3,2,2]");
  options = image_options();
  options.inputs.push_back(options.inputs[0]);
  EXPECT_ERROR(open(options), Code::kUnsupported, "the model has 2; use an .npz");
  EXPECT_ERROR(
      open(tensor_options({-1, 4})), Code::kInvalid,
      "a folder of images, but the model's input in float32[?,4] takes none: give an .npz or a .csv, or say in "
      "the model's card");
  options = image_options();
  options.inputs[0].dtype = DType::kUint8;
  options.card.input.mean = {0.5F};
  EXPECT_ERROR(open(options), Code::kInvalid, "\"mean\" must be 0");
}

// --- archives ---
std::string npz(std::initializer_list<NamedTensor> tensors) {
  const Result<std::string> bytes = write_npz(std::vector<NamedTensor>(tensors));
  EXPECT_TRUE(bytes.has_value());
  return *bytes;
}

class NpzTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Dataset>> open(const std::string& bytes, const DatasetOptions& options) {
    EXPECT_TRUE(os::write_text(files_, "d.npz", bytes).has_value());
    return open_dataset(files_, "d.npz", options);
  }
  MemoryFileSystem files_;
};

const Tensor kRows = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});

TEST_F(NpzTest, TakesXOrTheInputsName) {
  for (const std::string name : {"x", "in"}) {
    Result<std::unique_ptr<Dataset>> dataset =
        open(npz({{name, kRows}, {"y", Tensor::of<std::int64_t>({3}, {2, 0, 1})}}), tensor_options({-1, 2}));
    ASSERT_OK(dataset);
    EXPECT_EQ((*dataset)->size(), 3U);
    const Stream stream = read_all(**dataset);
    EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{2, 0, 1}));
    EXPECT_EQ(floats_of(stream.samples[1]), (std::vector<float>{3, 4}));
    EXPECT_EQ(stream.samples[1].inputs[0].tensor.shape(), (Shape{1, 2}));
    EXPECT_EQ(stream.samples[1].origin, "row 1");
    ASSERT_OK((*dataset)->rewind());
    EXPECT_EQ(read_all(**dataset).samples.size(), 3U);
  }
}

TEST_F(NpzTest, FeedsSeveralInputs) {
  DatasetOptions options = tensor_options({-1, 2});
  options.inputs.push_back({"ids", DType::kInt64, {-1}, true});
  Result<std::unique_ptr<Dataset>> dataset =
      open(npz({{"ids", Tensor::of<std::int64_t>({3}, {7, 8, 9})}, {"in", kRows}}), options);
  ASSERT_OK(dataset);
  EXPECT_FALSE((*dataset)->has_labels());
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(stream.samples[2].inputs[1].tensor.data<std::int64_t>()[0], 9);
  EXPECT_EQ(floats_of(stream.samples[2]), (std::vector<float>{5, 6}));
  EXPECT_ERROR(open(npz({{"in", kRows}}), options), Code::kInvalid,
               "no array for the model's input ids; the archive has in");
}

TEST_F(NpzTest, OneHotLabelsAreClasses) {
  const Tensor one_hot = Tensor::of<float>({3, 2}, {0, 1, 1, 0, 0, 1});
  Result<std::unique_ptr<Dataset>> dataset = open(npz({{"x", kRows}, {"y", one_hot}}), tensor_options({-1, 2}));
  ASSERT_OK(dataset);
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_ERROR(open(npz({{"x", kRows}, {"y", one_hot}}), tensor_options({-1, 2}, DType::kFloat32, {"a", "b", "c"})),
               Code::kInvalid, "2 classes, the model has 3");
}

TEST_F(NpzTest, RealNumbersBecomeTheFloatsOfTheInput) {
  const Tensor bytes = Tensor::of<std::uint8_t>({2, 2}, {0, 255, 7, 8});
  Result<std::unique_ptr<Dataset>> dataset = open(npz({{"x", bytes}}), tensor_options({-1, 2}));
  ASSERT_OK(dataset);
  EXPECT_EQ(floats_of(read_all(**dataset).samples[0]), (std::vector<float>{0, 255}));
  const Tensor doubles = Tensor::of<double>({2, 2}, {0.1, 1e300, 2.5, -3});
  dataset = open(npz({{"x", doubles}}), tensor_options({-1, 2}));
  ASSERT_OK(dataset);
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(floats_of(stream.samples[0]), (std::vector<float>{2.5F, -3}));
  ASSERT_EQ(stream.errors.size(), 1U);  // 1e300 is no float32
  dataset = open(npz({{"x", kRows}}), tensor_options({-1, 2}, DType::kFloat16));
  ASSERT_OK(dataset);
  EXPECT_EQ(read_all(**dataset).samples[0].inputs[0].tensor.dtype(), DType::kFloat16);
  EXPECT_ERROR(open(npz({{"x", doubles}}), tensor_options({-1, 2}, DType::kInt64)), Code::kInvalid,
               "x.astype('int64')");
}

TEST_F(NpzTest, SamplesThatAreNotFiniteAreErrorsAndTheRestGoesOn) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Tensor rows = Tensor::of<float>({4, 1}, {1, kNan, kInfinity, 4});
  Result<std::unique_ptr<Dataset>> dataset =
      open(npz({{"x", rows}, {"y", Tensor::of<std::int32_t>({4}, {0, 1, 2, 3})}}), tensor_options({-1, 1}));
  ASSERT_OK(dataset);
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{0, 3}));
  ASSERT_EQ(stream.errors.size(), 2U);
  EXPECT_NE(stream.errors[0].find("invalid: row 1: input in holds NaN"), std::string::npos) << stream.errors[0];
}

TEST_F(NpzTest, ArraysThatDoNotFitAreRefusedAtOnce) {
  const Tensor labels = Tensor::of<std::int64_t>({2}, {0, 1});
  EXPECT_ERROR(open(npz({{"x", kRows}, {"y", labels}}), tensor_options({-1, 2})), Code::kInvalid,
               "2 labels y for 3 rows");
  EXPECT_ERROR(open(npz({{"x", kRows}}), tensor_options({-1, 5})), Code::kInvalid,
               "[1,2] do not fit the model's input in float32[?,5]");
  EXPECT_ERROR(open(npz({{"z", kRows}}), tensor_options({-1, 2})), Code::kInvalid,
               "(named so, or x); the archive has z");
  EXPECT_ERROR(open(npz({{"x", Tensor::of<float>({0, 2}, {})}}), tensor_options({-1, 2})), Code::kInvalid, "no rows");
  EXPECT_ERROR(open(npz({{"x", Tensor::scalar(1.0F)}}), tensor_options({-1, 2})), Code::kInvalid, "single number");
  EXPECT_ERROR(open("PK no archive", tensor_options({-1, 2})), Code::kCorrupt, "d.npz");
}

TEST_F(NpzTest, LabelsThatAreNoClassOfTheModelAreRefused) {
  DatasetOptions by_card = tensor_options({-1, 2}, DType::kFloat32, {"a", "b"});
  DatasetOptions by_model = tensor_options({-1, 2});
  by_model.classes = 2;
  for (const DatasetOptions& options : {by_card, by_model}) {
    EXPECT_ERROR(open(npz({{"x", kRows}, {"y", Tensor::of<std::int64_t>({3}, {0, 1, 2})}}), options), Code::kInvalid,
                 "d.npz: row 2: label 2 is out of range, the model has 2 classes (0..1)");
    EXPECT_ERROR(open(npz({{"x", kRows}, {"y", Tensor::of<std::int64_t>({3}, {0, -1, 2})}}), options), Code::kInvalid,
                 "row 1: label -1 is out of range");
  }
  EXPECT_ERROR(open(npz({{"x", kRows}, {"y", Tensor::of<std::int64_t>({3}, {0, -1, 2})}}), tensor_options({-1, 2})),
               Code::kInvalid, "must not be negative");
}

TEST_F(NpzTest, TargetsOfARegressionAreNoLabels) {
  for (const Tensor& y : {Tensor::of<float>({3}, {0, 0.5, 2}), Tensor::of<float>({3, 2}, {0, 1, 1, 0, 1, 1})}) {
    const Result<std::unique_ptr<Dataset>> dataset = open(npz({{"x", kRows}, {"y", y}}), tensor_options({-1, 2}));
    ASSERT_OK(dataset);
    EXPECT_FALSE((*dataset)->has_labels());
    EXPECT_NE((*dataset)->label_objection().find("y holds no classes (row "), std::string::npos);
    EXPECT_FALSE((*dataset)->has_labels());
    EXPECT_EQ(read_all(**dataset).samples.size(), 3U);
  }
}

TEST_F(NpzTest, LabelsMeanTheSameInAnyOrder) {
  DatasetOptions options = tensor_options({-1, 2});
  options.classes = 2;
  for (const Tensor& y : {Tensor::of<float>({3}, {0.5, 250, 3}), Tensor::of<float>({3}, {250, 3, 0.5}),
                          Tensor::of<float>({3, 3}, {1, 0, 0, 1, 1, 0, 0, 0, 1})}) {
    const Result<std::unique_ptr<Dataset>> dataset = open(npz({{"x", kRows}, {"y", y}}), options);
    ASSERT_OK(dataset);
    EXPECT_FALSE((*dataset)->has_labels());
  }
  options.use_labels = false;
  const Result<std::unique_ptr<Dataset>> dataset =
      open(npz({{"x", kRows}, {"y", Tensor::of<std::int64_t>({3}, {9999, -1, 0})}}), options);
  ASSERT_OK(dataset);
  EXPECT_FALSE((*dataset)->has_labels());
  EXPECT_NE((*dataset)->label_objection(), "");
}

// A few bytes must not become 2^40 samples.
TEST_F(NpzTest, RowsWithoutElementsAreRefused) {
  EXPECT_ERROR(open(npz({{"x", Tensor::of<float>({3, 0}, {})}}), tensor_options({-1, -1})), Code::kInvalid,
               "rows without elements");
}

// Silero's shape: a window, a state with time or layers first, and a scalar.
TEST_F(NpzTest, RowsMayHoldWholeInputs) {
  DatasetOptions options = tensor_options({-1, 2});
  options.inputs.push_back({"state", DType::kFloat32, {2, -1, 2}, true});
  options.inputs.push_back({"rate", DType::kInt64, {}, true});
  const Tensor states = *Tensor::zeros(DType::kFloat32, {3, 2, 1, 2});
  const Tensor rates[] = {Tensor::scalar<std::int64_t>(16000), Tensor::of<std::int64_t>({3}, {16000, 16000, 16000})};
  for (const Tensor& rate : rates) {
    const Result<std::unique_ptr<Dataset>> dataset =
        open(npz({{"in", kRows}, {"state", states}, {"rate", rate}}), options);
    ASSERT_OK(dataset);
    for (int round = 0; round < 2; ++round) {
      const Stream stream = read_all(**dataset);
      ASSERT_EQ(stream.samples.size(), 3U);
      EXPECT_TRUE(stream.samples[2].whole);
      EXPECT_EQ(stream.samples[2].inputs[1].tensor.shape(), (Shape{2, 1, 2}));
      EXPECT_EQ(stream.samples[2].inputs[2].tensor.shape(), Shape{});
      EXPECT_EQ(stream.samples[2].inputs[2].tensor.data<std::int64_t>()[0], 16000);
      ASSERT_OK((*dataset)->rewind());
    }
  }
  EXPECT_ERROR(open(npz({{"in", kRows}, {"state", kRows}, {"rate", rates[0]}}), options), Code::kInvalid,
               "a sample must be the whole input behind an axis of 1, [1,2,?,2]");
}

// A first axis of fixed size is a batch only where the model's outputs carry it too: else it is time.
TEST_F(NpzTest, AFixedFirstAxisTakesRowsOnlyWhereItIsABatch) {
  DatasetOptions options = tensor_options({20, 2});
  EXPECT_ERROR(open(npz({{"x", kRows}}), options), Code::kInvalid,
               "a sample must be the whole input behind an axis of 1, [1,20,2]");
  options.batch = {20, true};
  const Result<std::unique_ptr<Dataset>> dataset = open(npz({{"x", kRows}}), options);
  ASSERT_OK(dataset);
  EXPECT_FALSE(read_all(**dataset).samples[0].whole);
}

TEST_F(NpzTest, DamagedArchivesAreRefused) {
  std::string bytes = npz({{"x", kRows}});
  const std::size_t data = bytes.find("NUMPY");
  bytes.replace(data, 5, "NUMPX");
  EXPECT_ERROR(open(bytes, tensor_options({-1, 2})), Code::kCorrupt, "x.npy");
  std::string claims = npz({{"x", kRows}});
  claims.replace(claims.find("(3, 2)"), 6, "(9, 2)");
  EXPECT_ERROR(open(claims, tensor_options({-1, 2})), Code::kCorrupt, "cut short");
}

// Runs a line of Python with numpy as np and FOLDER set; false without the test venv.
bool run_numpy(const std::string& folder, const std::string& line) {
  const std::string python = test::source_path("build/venv/bin/python");
  if (!std::filesystem::exists(python)) return false;
  std::filesystem::create_directories(folder);
  const std::string code = "import numpy as np; F='" + folder + "'; " + line;
  EXPECT_EQ(std::system(("'" + python + "' -c \"" + code + "\"").c_str()), 0);
  return true;
}

TEST(NumpyArchives, StoredAndDeflatedOnesGiveTheSameRows) {
  const std::string folder = std::string(ARETE_BINARY_DIR) + "/dataset_numpy";
  const bool ran = run_numpy(folder,
                             "a=dict(x=np.arange(3000.0).reshape(1000,3), y=np.arange(1000)%7); "
                             "np.savez(F+'/stored.npz', **a); np.savez_compressed(F+'/deflated.npz', **a)");
  if (!ran) GTEST_SKIP() << "SKIP: no test venv";
  for (const std::string name : {"stored", "deflated"}) {
    const auto dataset = opened(os::real_file_system(), folder + "/" + name + ".npz", tensor_options({-1, 3}));
    ASSERT_NE(dataset, nullptr);
    for (int round = 0; round < 2; ++round) {
      const Stream stream = read_all(*dataset);
      ASSERT_EQ(stream.samples.size(), 1000U);
      EXPECT_EQ(floats_of(stream.samples[999]), (std::vector<float>{2997, 2998, 2999}));
      EXPECT_EQ(stream.samples[999].label, 999 % 7);
      ASSERT_OK(dataset->rewind());
    }
  }
}

// An archive whose only entry is deflated: the first `intact` bytes of x.npy in a stored block,
// then a block of a type that does not exist.
std::string broken_archive(const Tensor& rows, std::size_t intact) {
  const Result<std::string> npy = write_npy(rows);
  EXPECT_TRUE(npy.has_value());
  const auto size = static_cast<std::uint16_t>(intact);
  std::string packed{'\0', static_cast<char>(size), static_cast<char>(size >> 8), static_cast<char>(~size),
                     static_cast<char>(~size >> 8)};
  packed += npy->substr(0, intact) + '\x07';
  ZipWriter writer;
  writer.add("x.npy", std::as_bytes(std::span(packed)));
  std::string bytes = std::move(writer).finish();
  const std::size_t directory = bytes.find("PK\x01\x02");
  for (const auto& [method_at, size_at] :
       {std::pair<std::size_t, std::size_t>{8, 22}, {directory + 10, directory + 24}}) {
    bytes[method_at] = 8;
    bytes[size_at] = static_cast<char>(npy->size());
    bytes[size_at + 1] = static_cast<char>(npy->size() >> 8);
  }
  return bytes;
}

TEST_F(NpzTest, BehindBytesThatDoNotUnpackTheStreamEnds) {
  const std::string bytes = broken_archive(Tensor::of<float>({5, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 128 + 2 * 8 + 4);
  Result<std::unique_ptr<Dataset>> dataset = open(bytes, tensor_options({-1, 2}));
  ASSERT_OK(dataset);
  for (int round = 0; round < 2; ++round) {
    const Stream stream = read_all(**dataset);
    EXPECT_EQ(stream.samples.size(), 2U);
    ASSERT_EQ(stream.errors.size(), 1U);
    EXPECT_NE(stream.errors[0].find("corrupt: row 2: "), std::string::npos) << stream.errors[0];
    ASSERT_OK((*dataset)->rewind());
  }
}

// --- CSV ---
class CsvTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Dataset>> open(const std::string& text, const DatasetOptions& options) {
    EXPECT_TRUE(os::write_text(files_, "d.csv", text).has_value());
    return open_dataset(files_, "d.csv", options);
  }
  MemoryFileSystem files_;
};

DatasetOptions record_options(std::vector<RecordField> fields, std::vector<std::string> labels = {}) {
  DatasetOptions options =
      tensor_options({-1, static_cast<std::int64_t>(fields.size())}, DType::kFloat32, std::move(labels));
  options.card.input.kind = InputKind::kRecord;
  options.card.input.fields = std::move(fields);
  return options;
}

TEST_F(CsvTest, NumberColumnsInTheirOrderAreTheInput) {
  for (const std::string separator : {",", ";", "\t"}) {
    std::string text = "\xEF\xBB\xBFname,a, label ,\"b, or c\"\r\nx,1.5,2,-3e2\r\n\r\ny, +4 ,0,5";
    if (separator != ",") {
      text = "name,a,label,b\nx,1.5,2,-3e2\n\ny,+4,0,5\n";
      std::ranges::replace(text, ',', separator[0]);
    }
    Result<std::unique_ptr<Dataset>> dataset = open(text, tensor_options({-1, 2}));
    ASSERT_OK(dataset);
    EXPECT_EQ((*dataset)->size(), 2U);
    EXPECT_TRUE((*dataset)->has_labels());
    EXPECT_TRUE((*dataset)->labels().empty());
    const Stream stream = read_all(**dataset);
    EXPECT_EQ(floats_of(stream.samples[0]), (std::vector<float>{1.5F, -300}));
    EXPECT_EQ(floats_of(stream.samples[1]), (std::vector<float>{4, 5}));
    EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{2, 0}));
    EXPECT_EQ(stream.samples[1].origin, "row 2");
    ASSERT_OK((*dataset)->rewind());
    EXPECT_EQ(labels_of(read_all(**dataset)), (std::vector<std::int64_t>{2, 0}));
  }
}

TEST_F(CsvTest, RecordsTakeTheirFieldsByName) {
  const DatasetOptions options = record_options({{"load", true, 9}, {"air", false, 0}, {"gone", true, 7}});
  Result<std::unique_ptr<Dataset>> dataset = open("air,extra,load,label\n1,x,2,0\n3,y,,1\n,z,5,1\n", options);
  ASSERT_OK(dataset);
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(floats_of(stream.samples[0]), (std::vector<float>{2, 1, 7}));
  EXPECT_EQ(floats_of(stream.samples[1]), (std::vector<float>{9, 3, 7}));
  ASSERT_EQ(stream.errors.size(), 1U);
  EXPECT_NE(stream.errors[0].find("row 3: record: field \"air\" is missing"), std::string::npos) << stream.errors[0];
  EXPECT_ERROR(open("load\n1\n", options), Code::kInvalid,
               "no column for the card's field \"air\"; the columns are load");
}

TEST_F(CsvTest, LabelsMayBeTexts) {
  const std::string text = "a,label\n1,dog\n2,Cat\n3,1\n4,\n";
  Result<std::unique_ptr<Dataset>> dataset = open(text, tensor_options({-1, 1}, DType::kFloat32, {"cat", "dog"}));
  ASSERT_OK(dataset);
  Stream stream = read_all(**dataset);
  EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{1, 0, 1}));
  ASSERT_EQ(stream.errors.size(), 1U);
  EXPECT_NE(stream.errors[0].find("row 4: label '' is no class"), std::string::npos) << stream.errors[0];
  const DatasetOptions pets = tensor_options({-1, 1}, DType::kFloat32, {"cat", "dog"});
  EXPECT_ERROR(open("a,label\n1,dog\n2,emu\n", pets), Code::kInvalid, "row 2: label 'emu' is none of cat, dog");
  EXPECT_ERROR(open("a,label\n1,dog\n2,7\n", pets), Code::kInvalid,
               "row 2: label 7 is out of range, the model has 2 classes (0..1)");
  EXPECT_ERROR(open("a,label\n1,dog\n2,caf\xe9\n", tensor_options({-1, 1})), Code::kInvalid,
               "row 2: the label is no UTF-8 text; save the file in UTF-8");
  dataset = open("a,label\n1,dog\n2,cat\n3,dog\n", tensor_options({-1, 1}));
  ASSERT_OK(dataset);
  EXPECT_EQ((*dataset)->labels(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(labels_of(read_all(**dataset)), (std::vector<std::int64_t>{1, 0, 1}));
}

// What a malformed row says in the place of its label counts for nothing.
TEST_F(CsvTest, RowsThatAreNoSamplesDoNotSayWhatLabelsMean) {
  const std::string good = "a,b,label\n1,2,0\n3,4,1\n";
  for (const std::string bad : {"5,6,7.5,0\n", "5,6,17,0\n", "5,6,bee,1\n"}) {
    DatasetOptions options = tensor_options({-1, 2});
    options.classes = 2;
    const Result<std::unique_ptr<Dataset>> dataset = open(good + bad, options);
    ASSERT_OK(dataset);
    const Stream stream = read_all(**dataset);
    EXPECT_EQ(labels_of(stream), (std::vector<std::int64_t>{0, 1}));
    EXPECT_EQ(stream.errors.size(), 1U);
  }
}

TEST_F(CsvTest, NamesAndFractionsDoNotMix) {
  EXPECT_ERROR(open("a,label\n1,cat\n2,0.5\n", tensor_options({-1, 1})), Code::kInvalid,
               "row 2: label '0.5' is no class");
}

TEST_F(CsvTest, TargetsOfARegressionAreNoLabels) {
  const Result<std::unique_ptr<Dataset>> dataset = open("a,label\n1,2\n2,0.5\n3,-1e3\n", tensor_options({-1, 1}));
  ASSERT_OK(dataset);
  EXPECT_FALSE((*dataset)->has_labels());
  EXPECT_TRUE((*dataset)->labels().empty());
  EXPECT_EQ((*dataset)->label_objection(),
            "the column \"label\" holds numbers that are no class indices (row 2 holds 0.5)");
  EXPECT_EQ(read_all(**dataset).samples.size(), 3U);
}

TEST_F(CsvTest, BadRowsAreNamedAndTheStreamGoesOn) {
  Result<std::unique_ptr<Dataset>> dataset = open("a,b\n1,2\n1\nnan,2\n1,two\n1e99,1\n3,4\n", tensor_options({-1, 2}));
  ASSERT_OK(dataset);
  EXPECT_FALSE((*dataset)->has_labels());
  const Stream stream = read_all(**dataset);
  EXPECT_EQ(origins_of(stream), (std::vector<std::string>{"row 1", "row 6"}));
  ASSERT_EQ(stream.errors.size(), 4U);
  EXPECT_NE(stream.errors[0].find("row 2: 1 cells where the header has 2"), std::string::npos) << stream.errors[0];
  EXPECT_NE(stream.errors[1].find("row 3: record: field \"a\" must be a finite number"), std::string::npos)
      << stream.errors[1];
  EXPECT_NE(stream.errors[2].find("row 4: column \"b\" holds 'two', which is no number"), std::string::npos)
      << stream.errors[2];
}

TEST_F(CsvTest, FilesThatCannotWorkAreRefused) {
  EXPECT_ERROR(open("", tensor_options({-1, 1})), Code::kCorrupt, "d.csv: the file is empty");
  EXPECT_ERROR(open("a,b\n", tensor_options({-1, 2})), Code::kInvalid, "number columns");
  EXPECT_ERROR(open("a,b\n1,2\n", tensor_options({-1, 3})), Code::kInvalid,
               "2 number columns (a, b); name the ones to take in the card's \"fields\"");
  EXPECT_ERROR(open("a,b\n1,2\n", tensor_options({-1, 2}, DType::kInt64)), Code::kInvalid, "wants int64");
  EXPECT_ERROR(open("a\n1\n", image_options()), Code::kInvalid, "the input is an image");
  EXPECT_ERROR(open(std::string("\xFF\xFE"
                                "a\0,\0",
                                6),
                    tensor_options({-1, 1})),
               Code::kCorrupt, "UTF-8");
  EXPECT_ERROR(open("a\n", record_options({{"a", false, 0}})), Code::kInvalid, "no rows behind the header line");
}

TEST(CsvReader, QuotesMeanSomethingOnlyAtTheStartOfACell) {
  const MemoryFileSystem files;
  put(files, "q.csv", "a,b\n\"x\"\"y\",\"two\nlines, one cell\"\n5\" pipe,it's \"so\"\n \"padded\" ,\n");
  Result<std::unique_ptr<os::ReadableFile>> file = files.open("q.csv");
  ASSERT_OK(file);
  Result<CsvReader> reader = CsvReader::open(std::move(*file));
  ASSERT_OK(reader);
  std::vector<CsvReader::Row> rows;
  for (int i = 0; i < 3; ++i) {
    const Result<std::optional<CsvReader::Row>> row = reader->next();
    ASSERT_OK(row);
    rows.push_back(row->value_or(CsvReader::Row()));
  }
  EXPECT_EQ(rows[0], (CsvReader::Row{"x\"y", "two\nlines, one cell"}));
  EXPECT_EQ(rows[1], (CsvReader::Row{"5\" pipe", "it's \"so\""}));
  EXPECT_EQ(rows[2], (CsvReader::Row{"padded", ""}));
}

TEST(CsvReader, RowsOverTheLimitAreSkipped) {
  const MemoryFileSystem files;
  put(files, "long.csv", "a\n\"" + std::string(kMaxCsvRowBytes, 'x') + "\nmore\n7\n");
  Result<std::unique_ptr<os::ReadableFile>> file = files.open("long.csv");
  ASSERT_OK(file);
  Result<CsvReader> reader = CsvReader::open(std::move(*file));
  ASSERT_OK(reader);
  EXPECT_ERROR(reader->next(), Code::kExhausted, "never closed");
  const Result<std::optional<CsvReader::Row>> row = reader->next();
  ASSERT_OK(row);
  EXPECT_EQ(row->value_or(CsvReader::Row()), (CsvReader::Row{"more"}));
}

TEST(CsvReader, BlankLinesDoNotCountTowardsTheLimit) {
  std::string text = "a\n";
  for (std::size_t i = 0; i <= kMaxCsvRowBytes; ++i) text += "\r\n";
  const MemoryFileSystem files;
  put(files, "blank.csv", text + "7\n");
  Result<std::unique_ptr<os::ReadableFile>> file = files.open("blank.csv");
  ASSERT_OK(file);
  Result<CsvReader> reader = CsvReader::open(std::move(*file));
  ASSERT_OK(reader);
  const Result<std::optional<CsvReader::Row>> row = reader->next();
  ASSERT_OK(row);
  EXPECT_EQ(row->value_or(CsvReader::Row()), (CsvReader::Row{"7"}));
}

TEST(Dataset, OtherFilesAreRefusedByName) {
  const MemoryFileSystem files;
  put(files, "model.onnx", "x");
  EXPECT_ERROR(open_dataset(files, "model.onnx", tensor_options({-1, 1})), Code::kUnsupported,
               "'model.onnx' is no data set");
}

}  // namespace
}  // namespace arete::tune
