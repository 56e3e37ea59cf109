// .npz archives: an array per input, read row by row.
#include <algorithm>
#include <cmath>

#include "core/npy.h"
#include "core/zip.h"
#include "tune/dataset_parts.h"

namespace arete::tune {
namespace {

constexpr std::string_view kOnlyInput = "x";
constexpr std::string_view kLabels = "y";

// One array of the archive: its rows come in order and one at a time. A single number has no rows: it is given again
// and again.
class Rows {
 public:
  static Result<Rows> open(ReadAt read, ZipEntry entry) {
    Rows rows(std::move(read), std::move(entry));
    RETURN_IF_ERROR(rows.rewind());
    return rows;
  }

  // Back to the first row; reads the header (again).
  Status rewind() {
    ASSIGN_OR_RETURN(stream_, ZipStream::open(read_, entry_));
    Result<NpyHeader> header = read_npy_header(*stream_);
    if (!header) return with_context(std::move(header).error(), entry_.name);
    ASSIGN_OR_RETURN(const std::size_t size_bytes, tensor_bytes(header->dtype, header->shape));
    if (size_bytes + header->data_offset > entry_.size_bytes)
      return Error{Code::kCorrupt, entry_.name + " is cut short"};
    dtype_ = header->dtype;
    row_shape_ = std::move(header->shape);
    if (!row_shape_.empty()) {
      count_ = row_shape_.front();
      row_shape_.front() = 1;
    }
    ASSIGN_OR_RETURN(const std::size_t row_bytes, tensor_bytes(dtype_, row_shape_));
    if (row_bytes == 0) return Error{Code::kInvalid, entry_.name + " has rows without elements"};
    if (row_bytes > kMaxSampleBytes) return Error{Code::kExhausted, "one row of " + entry_.name + " is over 1 GiB"};
    return {};
  }

  // [rows, ...], at most count() in all; or the single number.
  Result<Tensor> next(std::int64_t rows = 1) {
    if (number_) return *number_;
    Shape shape = row_shape_;
    if (!is_number()) shape.front() = rows;
    ASSIGN_OR_RETURN(Tensor row, Tensor::zeros(dtype_, std::move(shape)));
    RETURN_IF_ERROR(stream_->read(row.mutable_bytes()));
    if (is_number()) number_ = row;
    return row;
  }

  bool is_number() const { return row_shape_.empty(); }
  std::int64_t count() const { return count_; }  // 0 for a single number
  DType dtype() const { return dtype_; }
  const Shape& row_shape() const { return row_shape_; }

 private:
  Rows(ReadAt read, ZipEntry entry) : read_(std::move(read)), entry_(std::move(entry)) {}

  ReadAt read_;
  ZipEntry entry_;
  std::unique_ptr<ZipStream> stream_;
  DType dtype_ = DType::kUndefined;
  std::int64_t count_ = 0;
  Shape row_shape_;
  std::optional<Tensor> number_;
};

// The class that one row of labels names: an integer, or which of several is 1 while the others are 0. Nothing for
// others.
std::optional<std::int64_t> label_of(std::span<const double> row) {
  if (row.size() == 1) {
    const bool is_index = std::trunc(row[0]) == row[0] && std::abs(row[0]) < 1e15;
    return is_index ? std::optional(static_cast<std::int64_t>(row[0])) : std::nullopt;
  }
  const auto one = std::ranges::find(row, 1.0);
  const bool is_one_hot = one != row.end() && std::ranges::count(row, 0.0) + 1 == std::ssize(row);
  return is_one_hot ? std::optional(one - row.begin()) : std::nullopt;
}

struct Column {
  engine::ValueInfo input;
  Rows rows;
  bool whole = false;  // each row is an input without a batch axis

  Result<Tensor> next() {
    ASSIGN_OR_RETURN(Tensor row, rows.next());
    return whole && !rows.is_number() ? without_first_axis(row) : row;
  }
};

struct Labels {
  std::optional<Rows> rows;
  std::string objection;  // why there are none although the archive has `y`
};

class Npz final : public Dataset {
 public:
  Npz(std::vector<Column> inputs, std::int64_t count, Labels labels, std::vector<std::string> names)
      : inputs_(std::move(inputs)),
        count_(static_cast<std::size_t>(count)),
        labels_(std::move(labels)),
        names_(std::move(names)) {}

  Result<std::optional<Sample>> next() override {
    if (at_ == size()) return std::optional<Sample>();
    const std::string origin = "row " + std::to_string(at_++);
    Result<Sample> sample = read(origin);
    if (!sample) return with_context(std::move(sample).error(), origin);
    return std::optional<Sample>(std::move(*sample));
  }

  Status rewind() override {
    at_ = 0;
    for (Column& column : inputs_) RETURN_IF_ERROR(column.rows.rewind());
    if (labels_.rows) RETURN_IF_ERROR(labels_.rows->rewind());
    return {};
  }
  std::size_t size() const override { return count_; }
  bool has_labels() const override { return labels_.rows.has_value(); }
  const std::vector<std::string>& labels() const override { return names_; }
  std::string label_objection() const override { return labels_.objection; }

 private:
  // Every array gives its row before any is judged, so that they stay in step.
  Result<Sample> read(const std::string& origin) {
    Sample sample{{}, std::nullopt, origin};
    sample.whole = std::ranges::any_of(inputs_, &Column::whole);
    std::optional<Tensor> label;
    RETURN_IF_ERROR(read_rows(sample, label));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      Tensor& tensor = sample.inputs[i].tensor;
      ASSIGN_OR_RETURN(tensor, fit_tensor(std::move(tensor), inputs_[i].input));
    }
    if (!label) return sample;
    ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(*label));
    sample.label = label_of(values);
    return sample;
  }

  Status read_rows(Sample& sample, std::optional<Tensor>& label) {
    const std::size_t at = at_;
    at_ = size();  // behind bytes that do not unpack there is nothing more to read
    for (Column& column : inputs_) {
      ASSIGN_OR_RETURN(Tensor tensor, column.next());
      sample.inputs.push_back({column.input.name, std::move(tensor)});
    }
    if (labels_.rows) {
      ASSIGN_OR_RETURN(label, labels_.rows->next());
    }
    at_ = at;
    return {};
  }

  std::vector<Column> inputs_;
  std::size_t count_;
  Labels labels_;
  std::vector<std::string> names_;
  std::size_t at_ = 0;
};

// The archive's arrays by name, without ".npy".
struct Archive {
  ReadAt read;
  std::map<std::string, ZipEntry, std::less<>> entries;
  std::vector<std::string> names;
};

Result<Archive> open_archive(const os::FileSystem& files, const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<os::ReadableFile> opened, files.open(path));
  const std::shared_ptr<const os::ReadableFile> file = std::move(opened);
  Archive archive;
  archive.read = [file](std::uint64_t offset, std::span<std::byte> to) { return file->read_at(offset, to); };
  ASSIGN_OR_RETURN(std::vector<ZipEntry> entries, read_zip_directory(archive.read, file->size_bytes()));
  for (ZipEntry& entry : entries) {
    std::string name = entry.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    archive.names.push_back(name);
    archive.entries.emplace(std::move(name), std::move(entry));
  }
  return archive;
}

Result<Rows> open_rows(const Archive& archive, std::string_view name) {
  return Rows::open(archive.read, archive.entries.find(name)->second);
}

// The array's name for an input: its own, or `x` for the only one.
Result<std::string> array_of(const Archive& archive, const DatasetOptions& options, const std::string& input) {
  if (archive.entries.contains(input)) return input;
  const bool is_only = options.inputs.size() == 1;
  if (is_only && archive.entries.contains(kOnlyInput)) return std::string(kOnlyInput);
  return Error{Code::kInvalid, "no array for the model's input " + input + (is_only ? " (named so, or x)" : "") +
                                   "; the archive has " + list_names(archive.names)};
}

Result<std::vector<Column>> open_inputs(const Archive& archive, const DatasetOptions& options) {
  std::vector<Column> columns;
  for (const engine::ValueInfo& input : options.inputs) {
    ASSIGN_OR_RETURN(const std::string name, array_of(archive, options, input.name));
    ASSIGN_OR_RETURN(Rows rows, open_rows(archive, name));
    RETURN_IF_ERROR(check_dtype(rows.dtype(), input));
    const bool is_constant = rows.is_number() && input.known_shape && input.shape.empty();
    if (rows.is_number() && !is_constant) {
      return Error{Code::kInvalid, name + " is a single number; its first axis must be the samples"};
    }
    SampleShape shape = SampleShape::kWhole;
    if (!is_constant) {
      ASSIGN_OR_RETURN(shape, match_shape(rows.row_shape(), input, options.batch));
    }
    columns.push_back({input, std::move(rows), shape == SampleShape::kWhole});
  }
  if (columns.empty()) return Error{Code::kInvalid, "the model has no inputs"};
  return columns;
}

// Every label is looked at before the first sample is: one that is none of the classes makes DATA another model's, and
// numbers that are no classes at all make them the targets of a regression.
Result<Labels> open_labels(const Archive& archive, const DatasetOptions& options, std::int64_t count) {
  constexpr std::int64_t kBlock = 4096;
  if (!options.use_labels) return Labels{std::nullopt, kNoClasses};
  ASSIGN_OR_RETURN(Rows rows, open_rows(archive, kLabels));
  if (!is_real(rows.dtype()) || rows.is_number() || rows.row_shape().size() > 2)
    return Error{Code::kInvalid, "labels y must be integers [n] or one-hot [n,classes]"};
  if (rows.count() != count) {
    return Error{Code::kInvalid, std::to_string(rows.count()) + " labels y for " + std::to_string(count) + " rows"};
  }
  const std::int64_t classes = classes_of(options);
  const std::int64_t width = rows.row_shape().size() == 2 ? rows.row_shape()[1] : 1;
  std::optional<Error> wrong;
  if (width > 1 && classes > 0 && width != classes) {
    wrong = Error{Code::kInvalid, "one-hot labels y have " + std::to_string(width) + " classes, the model has " +
                                      std::to_string(classes)};
  }
  for (std::int64_t first = 0; first < count; first += kBlock) {
    ASSIGN_OR_RETURN(const Tensor block, rows.next(std::min(kBlock, count - first)));
    ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(block));
    const auto size = static_cast<std::size_t>(width);
    for (std::size_t at = 0; at < values.size(); at += size) {
      const std::string row = "row " + std::to_string(first + static_cast<std::int64_t>(at / size));
      const std::optional<std::int64_t> label = label_of(std::span(values).subspan(at, size));
      if (!label) return Labels{std::nullopt, "y holds no classes (" + row + ")"};
      const Status known = wrong ? Status() : check_label(*label, classes);
      if (!known) wrong = with_context(known.error(), row);
    }
  }
  if (wrong) return *wrong;
  RETURN_IF_ERROR(rows.rewind());
  return Labels{std::move(rows), ""};
}

// Rows that all arrays have; single numbers serve any count.
Result<std::int64_t> count_rows(const std::vector<Column>& columns) {
  const Column* first = nullptr;
  for (const Column& column : columns) {
    if (column.rows.is_number()) continue;
    if (first == nullptr) first = &column;
    if (column.rows.count() == first->rows.count()) continue;
    return Error{Code::kInvalid, "input " + column.input.name + " has " + std::to_string(column.rows.count()) +
                                     " rows, input " + first->input.name + " has " +
                                     std::to_string(first->rows.count())};
  }
  if (first == nullptr) return Error{Code::kInvalid, "all arrays are single numbers; give one a row for each sample"};
  if (first->rows.count() == 0) return Error{Code::kInvalid, "the arrays have no rows"};
  return first->rows.count();
}

Result<std::unique_ptr<Dataset>> open_arrays(const os::FileSystem& files, const std::string& path,
                                             const DatasetOptions& options) {
  ASSIGN_OR_RETURN(const Archive archive, open_archive(files, path));
  ASSIGN_OR_RETURN(std::vector<Column> columns, open_inputs(archive, options));
  ASSIGN_OR_RETURN(const std::int64_t count, count_rows(columns));
  const bool y_is_input =
      std::ranges::any_of(columns, [](const Column& column) { return column.input.name == kLabels; });
  Labels labels;
  if (!y_is_input && archive.entries.contains(kLabels)) {
    ASSIGN_OR_RETURN(labels, open_labels(archive, options, count));
  }
  return std::unique_ptr<Dataset>(
      std::make_unique<Npz>(std::move(columns), count, std::move(labels), options.card.output.labels));
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_npz(const os::FileSystem& files, const std::string& path,
                                          const DatasetOptions& options) {
  Result<std::unique_ptr<Dataset>> opened = open_arrays(files, path, options);
  if (!opened) return with_context(std::move(opened).error(), path);
  return opened;
}

}  // namespace arete::tune
