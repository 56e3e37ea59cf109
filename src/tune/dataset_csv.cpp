// CSV files: a row of numbers a sample.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "media/record/record.h"
#include "tune/csv_reader.h"
#include "tune/dataset_parts.h"

namespace arete::tune {
namespace {

constexpr std::string_view kLabelColumn = "label";

// The whole text as a number ("1.5", "-2e3", "nan"); nothing else.
std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_index(std::string_view text) {
  const std::optional<double> value = parse_number(text);
  if (!value || std::trunc(*value) != *value || std::abs(*value) >= 1e15) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

bool is_label_column(const std::string& name) {
  return name.size() == kLabelColumn.size() && std::ranges::equal(name, kLabelColumn, {}, [](char c) {
           return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
         });
}

// Which columns become which fields, and which one is the label.
struct Plan {
  InputCard record;                                 // its fields are the input's columns
  std::vector<std::optional<std::size_t>> columns;  // of each field; nothing: take its default
  std::optional<std::size_t> label;
};

std::optional<std::size_t> find_column(const CsvReader::Row& header, const std::string& name) {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

Status plan_record(const CsvReader::Row& header, const InputCard& card, Plan& plan) {
  plan.record = card;
  for (const RecordField& field : card.fields) {
    const std::optional<std::size_t> column = find_column(header, field.name);
    if (!column && !field.has_default) {
      return Error{Code::kInvalid,
                   "no column for the card's field \"" + field.name + "\"; the columns are " + list_names(header)};
    }
    plan.columns.push_back(column);
  }
  return {};
}

// Every column that holds a number (or nothing) in the first row; texts are left out.
void plan_columns(const CsvReader::Row& header, const CsvReader::Row& first, Plan& plan) {
  plan.record.kind = InputKind::kRecord;
  for (std::size_t i = 0; i < std::min(header.size(), first.size()); ++i) {
    const bool is_number = first[i].empty() || parse_number(first[i]).has_value();
    if (i == plan.label || !is_number) continue;
    plan.record.fields.push_back({header[i], false, 0});
    plan.columns.push_back(i);
  }
}

Status check_plan(const Plan& plan, const engine::ValueInfo& input, const DatasetOptions& options) {
  std::vector<std::string> names;
  for (const RecordField& field : plan.record.fields) names.push_back(field.name);
  const Result<SampleShape> fits = match_shape({1, static_cast<std::int64_t>(names.size())}, input, options.batch);
  if (fits && *fits == SampleShape::kRow) return check_dtype(DType::kFloat32, input);
  if (fits) return Error{Code::kUnsupported, "a CSV's rows do not fit an input without a batch axis; use an .npz"};
  return with_context(fits.error(), std::to_string(names.size()) + " number columns (" + list_names(names) +
                                        "); name the ones to take in the card's \"fields\"");
}

Result<Plan> make_plan(CsvReader& reader, const DatasetOptions& options, const engine::ValueInfo& input) {
  const InputCard& card = options.card.input;
  if (card.kind == InputKind::kImage) {
    return Error{Code::kInvalid, "a CSV holds numbers, and the card says that the input is an image"};
  }
  Plan plan;
  const auto label = std::ranges::find_if(reader.header(), is_label_column);
  if (label != reader.header().end()) plan.label = static_cast<std::size_t>(label - reader.header().begin());
  if (card.kind == InputKind::kRecord) {
    RETURN_IF_ERROR(plan_record(reader.header(), card, plan));
  } else {
    ASSIGN_OR_RETURN(const std::optional<CsvReader::Row> first, reader.next());
    plan_columns(reader.header(), first.value_or(CsvReader::Row()), plan);
    reader.rewind();
  }
  RETURN_IF_ERROR(check_plan(plan, input, options));
  return plan;
}

// What one pass over the file finds: how many rows, and which label texts, with the row where each stands first. Rows
// that cannot be samples do not count. Once a number with a fraction has been seen, numbers are no classes and not
// collected.
struct Survey {
  std::size_t rows = 0;
  std::map<std::string, std::size_t> labels;
  std::optional<std::pair<std::size_t, std::string>> fraction;  // the first row that holds one
};

constexpr std::size_t kMaxLabelBytes = 4096;

Result<Survey> survey(CsvReader& reader, const Plan& plan) {
  Survey found;
  while (true) {
    Result<std::optional<CsvReader::Row>> row = reader.next();
    if (!row && row.error().code != Code::kExhausted) return std::move(row).error();
    if (row && !row->has_value()) break;
    ++found.rows;
    if (!plan.label || !row || (**row).size() != reader.header().size()) continue;
    std::string& label = (**row)[*plan.label];
    if (label.empty()) continue;
    const bool is_number = parse_number(label).has_value();
    if (is_number && !parse_index(label) && !found.fraction) found.fraction.emplace(found.rows, label);
    if (is_number && found.fraction) continue;
    if (label.size() > kMaxLabelBytes || found.labels.size() == kMaxCardLabels) {
      return Error{Code::kExhausted, "row " + std::to_string(found.rows) +
                                         ": a label over 4096 bytes, or more than 1000000 different ones"};
    }
    found.labels.emplace(std::move(label), found.rows);
  }
  reader.rewind();
  return found;
}

// What the label column means.
struct Labels {
  std::vector<std::string> names;  // the card's, or the texts of the column
  std::string objection;           // why it names no classes; empty when it does
};

Status check_texts(const std::map<std::string, std::size_t>& texts, const std::vector<std::string>& names,
                   std::int64_t classes) {
  const LabelIndex index(names);
  for (const auto& [text, row] : texts) {
    if (index.find(text)) continue;
    const std::optional<std::int64_t> number = parse_index(text);
    const Status known = number ? check_label(*number, classes)
                                : Status(Error{Code::kInvalid, "label '" + text + "' is none of " + list_names(names)});
    if (!known) return with_context(known.error(), "row " + std::to_string(row));
  }
  return {};
}

Result<Labels> read_labels(const Survey& found, const DatasetOptions& options) {
  Labels labels{options.card.output.labels, ""};
  const bool has_texts =
      std::ranges::any_of(found.labels, [](const auto& label) { return !parse_number(label.first); });
  if (found.fraction && !has_texts) {
    labels.objection = "the column \"label\" holds numbers that are no class indices (row " +
                       std::to_string(found.fraction->first) + " holds " + found.fraction->second + ")";
    return labels;
  }
  if (!options.use_labels) {
    labels.objection = kNoClasses;
    return labels;
  }
  for (const auto& [text, row] : found.labels) {
    if (is_utf8(text)) continue;
    return Error{Code::kInvalid,
                 "row " + std::to_string(row) + ": the label is no UTF-8 text; save the file in UTF-8 (not Latin-1)"};
  }
  if (found.fraction) {
    return Error{Code::kInvalid, "row " + std::to_string(found.fraction->first) + ": label '" + found.fraction->second +
                                     "' is no class, where others are names"};
  }
  if (labels.names.empty() && has_texts) {
    for (const auto& [text, row] : found.labels) labels.names.push_back(text);
    return labels;
  }
  RETURN_IF_ERROR(check_texts(found.labels, labels.names, classes_of(options)));
  return labels;
}

class Csv final : public Dataset {
 public:
  Csv(CsvReader reader, Plan plan, engine::ValueInfo input, std::size_t rows, Labels labels)
      : reader_(std::move(reader)),
        plan_(std::move(plan)),
        input_(std::move(input)),
        rows_(rows),
        labels_(std::move(labels)),
        index_(labels_.names) {}

  Result<std::optional<Sample>> next() override {
    if (at_ == rows_) return std::optional<Sample>();
    const std::string origin = "row " + std::to_string(++at_);
    Result<Sample> sample = read(origin);
    if (!sample) return with_context(std::move(sample).error(), origin);
    return std::optional<Sample>(std::move(*sample));
  }
  Status rewind() override {
    at_ = 0;
    reader_.rewind();
    return {};
  }
  std::size_t size() const override { return rows_; }
  bool has_labels() const override { return plan_.label && labels_.objection.empty(); }
  const std::vector<std::string>& labels() const override { return labels_.names; }
  std::string label_objection() const override { return plan_.label ? labels_.objection : ""; }

 private:
  Result<Sample> read(const std::string& origin) {
    ASSIGN_OR_RETURN(const std::optional<CsvReader::Row> row, reader_.next());
    if (!row) return Error{Code::kCorrupt, "the file became shorter while it was read"};
    if (row->size() != reader_.header().size()) {
      return Error{Code::kInvalid, std::to_string(row->size()) + " cells where the header has " +
                                       std::to_string(reader_.header().size())};
    }
    ASSIGN_OR_RETURN(Tensor tensor, read_input(*row));
    Sample sample{{{input_.name, std::move(tensor)}}, std::nullopt, origin};
    if (!has_labels()) return sample;
    ASSIGN_OR_RETURN(sample.label, read_label((*row)[*plan_.label]));
    return sample;
  }

  Result<Tensor> read_input(const CsvReader::Row& row) const {
    std::vector<std::optional<double>> values;
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      const std::string cell = plan_.columns[i] ? row[*plan_.columns[i]] : "";
      values.push_back(parse_number(cell));
      if (values.back() || cell.empty()) continue;
      return Error{Code::kInvalid,
                   "column \"" + plan_.record.fields[i].name + "\" holds '" + cell + "', which is no number"};
    }
    ASSIGN_OR_RETURN(Tensor tensor, media::fields_to_tensor(values, plan_.record));
    return fit_tensor(std::move(tensor), input_);
  }

  Result<std::int64_t> read_label(const std::string& cell) const {
    if (const std::optional<std::int64_t> named = index_.find(cell)) return *named;
    const std::optional<std::int64_t> index = parse_index(cell);
    if (!index) return Error{Code::kInvalid, "label '" + cell + "' is no class"};  // an empty cell
    return *index;
  }

  CsvReader reader_;
  Plan plan_;
  engine::ValueInfo input_;
  std::size_t rows_;
  Labels labels_;
  LabelIndex index_;
  std::size_t at_ = 0;
};

Result<std::unique_ptr<Dataset>> open_rows(const os::FileSystem& files, const std::string& path,
                                           const DatasetOptions& options) {
  ASSIGN_OR_RETURN(engine::ValueInfo input, only_input(options, "a CSV"));
  ASSIGN_OR_RETURN(std::unique_ptr<os::ReadableFile> file, files.open(path));
  ASSIGN_OR_RETURN(CsvReader reader, CsvReader::open(std::move(file)));
  ASSIGN_OR_RETURN(Plan plan, make_plan(reader, options, input));
  ASSIGN_OR_RETURN(const Survey found, survey(reader, plan));
  if (found.rows == 0) return Error{Code::kInvalid, "no rows behind the header line"};
  ASSIGN_OR_RETURN(Labels labels, read_labels(found, options));
  return std::unique_ptr<Dataset>(
      std::make_unique<Csv>(std::move(reader), std::move(plan), std::move(input), found.rows, std::move(labels)));
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_csv(const os::FileSystem& files, const std::string& path,
                                          const DatasetOptions& options) {
  Result<std::unique_ptr<Dataset>> opened = open_rows(files, path, options);
  if (!opened) return with_context(std::move(opened).error(), path);
  return opened;
}

}  // namespace arete::tune
