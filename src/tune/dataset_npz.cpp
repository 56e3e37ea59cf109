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

// One array of the archive: its rows come in order and one at a time.
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
    if (header->shape.empty()) {
      return Error{Code::kInvalid, entry_.name + " is a single number; its first axis must be the samples"};
    }
    ASSIGN_OR_RETURN(const std::size_t size_bytes, tensor_bytes(header->dtype, header->shape));
    if (size_bytes + header->data_offset > entry_.size_bytes)
      return Error{Code::kCorrupt, entry_.name + " is cut short"};
    dtype_ = header->dtype;
    count_ = header->shape.front();
    row_shape_ = std::move(header->shape);
    row_shape_.front() = 1;
    ASSIGN_OR_RETURN(const std::size_t row_bytes, tensor_bytes(dtype_, row_shape_));
    if (row_bytes > kMaxSampleBytes) return Error{Code::kExhausted, "one row of " + entry_.name + " is over 1 GiB"};
    return {};
  }

  // [1, ...]; at most count() times.
  Result<Tensor> next() {
    ASSIGN_OR_RETURN(Tensor row, Tensor::zeros(dtype_, row_shape_));
    RETURN_IF_ERROR(stream_->read(row.mutable_bytes()));
    return row;
  }

  std::int64_t count() const { return count_; }
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
};

// The class of one row of labels: an integer, or which of several is 1 while the others are 0.
Result<std::int64_t> label_of(const Tensor& row) {
  ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(row));
  if (values.size() == 1) {
    const bool is_index = std::trunc(values[0]) == values[0] && std::abs(values[0]) < 1e15;
    if (!is_index) return Error{Code::kInvalid, "label " + std::to_string(values[0]) + " is no class index"};
    return static_cast<std::int64_t>(values[0]);
  }
  const auto one = std::ranges::find(values, 1.0);
  const bool is_one_hot = one != values.end() && std::ranges::count(values, 0.0) + 1 == std::ssize(values);
  if (!is_one_hot) return Error{Code::kInvalid, "its label is not one-hot (one 1, all others 0)"};
  return one - values.begin();
}

struct Column {
  engine::ValueInfo input;
  Rows rows;
};

class Npz final : public Dataset {
 public:
  Npz(std::vector<Column> inputs, std::optional<Rows> labels, std::vector<std::string> names)
      : inputs_(std::move(inputs)), labels_(std::move(labels)), names_(std::move(names)) {}

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
    if (labels_) RETURN_IF_ERROR(labels_->rewind());
    return {};
  }
  std::size_t size() const override { return static_cast<std::size_t>(inputs_.front().rows.count()); }
  bool has_labels() const override { return labels_.has_value(); }
  const std::vector<std::string>& labels() const override { return names_; }

 private:
  // Every array gives its row before any is judged, so that they stay in step.
  Result<Sample> read(const std::string& origin) {
    Sample sample{{}, std::nullopt, origin};
    std::optional<Tensor> label;
    RETURN_IF_ERROR(read_rows(sample, label));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      Tensor& tensor = sample.inputs[i].tensor;
      ASSIGN_OR_RETURN(tensor, fit_tensor(std::move(tensor), inputs_[i].input));
    }
    if (!label) return sample;
    ASSIGN_OR_RETURN(sample.label, label_of(*label));
    RETURN_IF_ERROR(check_label(*sample.label, names_.size()));
    return sample;
  }

  Status read_rows(Sample& sample, std::optional<Tensor>& label) {
    const std::size_t at = at_;
    at_ = size();  // behind bytes that do not unpack there is nothing more to read
    for (Column& column : inputs_) {
      ASSIGN_OR_RETURN(Tensor tensor, column.rows.next());
      sample.inputs.push_back({column.input.name, std::move(tensor)});
    }
    if (labels_) {
      ASSIGN_OR_RETURN(label, labels_->next());
    }
    at_ = at;
    return {};
  }

  std::vector<Column> inputs_;
  std::optional<Rows> labels_;
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
    RETURN_IF_ERROR(check_shape(rows.row_shape(), input));
    RETURN_IF_ERROR(check_dtype(rows.dtype(), input));
    columns.push_back({input, std::move(rows)});
  }
  if (columns.empty()) return Error{Code::kInvalid, "the model has no inputs"};
  return columns;
}

Status check_labels(const Rows& rows, std::size_t classes) {
  const Result<Tensor> sample = Tensor::zeros(rows.dtype(), {1});
  const bool is_real = sample.has_value() && to_doubles(*sample).has_value();
  if (!is_real || rows.row_shape().size() > 2) {
    return Error{Code::kInvalid, "labels y must be integers [n] or one-hot [n,classes]"};
  }
  const std::int64_t width = rows.row_shape().size() == 2 ? rows.row_shape()[1] : 1;
  const bool fits = width == 1 || classes == 0 || static_cast<std::uint64_t>(width) == classes;
  if (fits && width > 0) return {};
  return Error{Code::kInvalid, "one-hot labels y have " + std::to_string(width) + " classes, the card has " +
                                   std::to_string(classes) + " labels"};
}

Status check_counts(const std::vector<Column>& columns, const std::optional<Rows>& labels) {
  const std::int64_t count = columns.front().rows.count();
  if (count == 0) return Error{Code::kInvalid, "the arrays have no rows"};
  for (const Column& column : columns) {
    if (column.rows.count() == count) continue;
    return Error{Code::kInvalid, "input " + column.input.name + " has " + std::to_string(column.rows.count()) +
                                     " rows, input " + columns.front().input.name + " has " + std::to_string(count)};
  }
  if (!labels || labels->count() == count) return {};
  return Error{Code::kInvalid, std::to_string(labels->count()) + " labels y for " + std::to_string(count) + " rows"};
}

Result<std::unique_ptr<Dataset>> open_arrays(const os::FileSystem& files, const std::string& path,
                                             const DatasetOptions& options) {
  ASSIGN_OR_RETURN(const Archive archive, open_archive(files, path));
  ASSIGN_OR_RETURN(std::vector<Column> columns, open_inputs(archive, options));
  const std::vector<std::string>& names = options.card.output.labels;
  const bool y_is_input =
      std::ranges::any_of(columns, [](const Column& column) { return column.input.name == kLabels; });
  std::optional<Rows> labels;
  if (!y_is_input && archive.entries.contains(kLabels)) {
    ASSIGN_OR_RETURN(labels, open_rows(archive, kLabels));
    RETURN_IF_ERROR(check_labels(*labels, names.size()));
  }
  RETURN_IF_ERROR(check_counts(columns, labels));
  return std::unique_ptr<Dataset>(std::make_unique<Npz>(std::move(columns), std::move(labels), names));
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_npz(const os::FileSystem& files, const std::string& path,
                                          const DatasetOptions& options) {
  Result<std::unique_ptr<Dataset>> opened = open_arrays(files, path, options);
  if (!opened) return with_context(std::move(opened).error(), path);
  return opened;
}

}  // namespace arete::tune
