#include "apps/bundle_evaluation.h"

#include <algorithm>
#include <iostream>

#include "core/activation.h"
#include "core/batch.h"
#include "core/npy.h"
#include "os/base/files.h"
#include "proof/top1.h"
#include "tune/dataset.h"

namespace arete::apps {
namespace {

constexpr std::string_view kEvaluationPath = "evaluation.npz";
constexpr std::size_t kMaxEvaluationBytes = std::size_t{256} << 20;

struct Evaluation {
  std::vector<NamedTensor> inputs;  // [n,...]
  std::vector<std::int64_t> labels;
};

Result<std::unique_ptr<tune::Dataset>> open(const std::string& path, const engine::Session& session,
                                            const ModelCard& card) {
  const engine::ValueInfo& output = session.outputs().front();
  tune::DatasetOptions options;
  options.card = card;
  options.inputs = session.inputs();
  options.batch = proof::batch_rule_for(session.inputs(), session.outputs());
  if (output.known_shape) options.classes = classes_of(card.output, output.dtype, output.shape);
  options.use_labels = card.output.kind == OutputKind::kClassification;
  ASSIGN_OR_RETURN(std::unique_ptr<tune::Dataset> data, tune::open_dataset(os::real_file_system(), path, options));
  if (data->has_labels()) return data;
  const std::string why = data->label_objection();
  return Error{Code::kInvalid, path + " has no labels to evaluate with" + (why.empty() ? "" : ": " + why)};
}

Result<Evaluation> read(tune::Dataset& data, std::size_t most) {
  std::vector<std::vector<Tensor>> rows;  // by input
  Evaluation evaluation;
  std::size_t bytes = 0;
  while (evaluation.labels.size() < most) {
    Result<std::optional<Sample>> sample = data.next();
    if (!sample) {
      std::cerr << "arete: note: left out: " << sample.error().message << "\n";
      continue;
    }
    if (!*sample) break;
    if ((*sample)->whole) return Error{Code::kUnsupported, "an evaluation set takes samples with a batch axis"};
    if (!(*sample)->label) continue;
    rows.resize((*sample)->inputs.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      bytes += (*sample)->inputs[i].tensor.size_bytes();
      rows[i].push_back((*sample)->inputs[i].tensor);
      if (evaluation.labels.empty()) evaluation.inputs.push_back({(*sample)->inputs[i].name, {}});
    }
    evaluation.labels.push_back(*(*sample)->label);
    if (bytes > kMaxEvaluationBytes)
      return Error{Code::kExhausted, "the evaluation set is over 256 MiB; take fewer samples (--evaluation-samples)"};
  }
  if (rows.empty()) return Error{Code::kNotFound, "there is no labelled sample to evaluate with"};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSIGN_OR_RETURN(evaluation.inputs[i].tensor, concat_rows(rows[i]));
  }
  return evaluation;
}

Result<std::string> file_of(const Evaluation& evaluation) {
  std::vector<NamedTensor> arrays;
  for (const NamedTensor& input : evaluation.inputs) arrays.push_back({"input/" + input.name, input.tensor});
  const auto count = static_cast<std::int64_t>(evaluation.labels.size());
  arrays.push_back({"labels", Tensor::of<std::int64_t>({count}, std::span<const std::int64_t>(evaluation.labels))});
  return write_npz(arrays);
}

// The share of samples whose top-1 is the label.
Result<double> accuracy_of(engine::Session& session, const Evaluation& evaluation, const OutputCard& card) {
  const auto count = static_cast<std::int64_t>(evaluation.labels.size());
  const int step = std::max(1, proof::batch_rule_for(session.inputs(), session.outputs()).largest);
  std::int64_t right = 0;
  for (std::int64_t at = 0; at < count; at += step) {
    const std::int64_t rows = std::min<std::int64_t>(step, count - at);
    std::vector<NamedTensor> inputs;
    for (const NamedTensor& input : evaluation.inputs) {
      ASSIGN_OR_RETURN(Tensor part, slice_rows(input.tensor, at, rows));
      inputs.push_back({input.name, std::move(part)});
    }
    ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, session.run(inputs));
    const std::optional<proof::Top1> top1 = proof::top1_of(outputs.front(), rows, yes_above(card));
    if (!top1) return Error{Code::kUnsupported, "its first output names no class a sample"};
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto row = static_cast<std::size_t>(i);
      right += top1->classes[row] == evaluation.labels[static_cast<std::size_t>(at) + row] ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace

void add_evaluation_options(CLI::App& app, EvaluationOptions& o) {
  app.add_option("--evaluation", o.data,
                 "labelled DATA that the device's gate may judge the model on; its accuracy becomes a claim");
  app.add_option("--evaluation-samples", o.samples, "so many of them at most (default 1000)")
      ->check(CLI::Range(1, 1'000'000));
}

Result<std::string> evaluate_variants(const EvaluationOptions& o, const std::string& engine,
                                      std::vector<ModelVariant>& variants, bundle::Manifest& manifest) {
  if (o.data.empty()) return std::string();
  if (!manifest.card)
    return Error{Code::kInvalid, "an evaluation set takes a model card, which says what the labels mean (--card)"};
  ASSIGN_OR_RETURN(const std::unique_ptr<tune::Dataset> data, open(o.data, *variants.front().session, *manifest.card));
  if (manifest.card->output.labels.empty()) manifest.card->output.labels = data->labels();
  ASSIGN_OR_RETURN(const Evaluation evaluation, read(*data, o.samples));
  for (const ModelVariant& variant : variants) {
    Result<double> accuracy = accuracy_of(*variant.session, evaluation, manifest.card->output);
    if (!accuracy) return with_context(std::move(accuracy).error(), variant.path);
    manifest.claims.push_back({"top-1 accuracy of " + variant.name, *accuracy * 100, "%",
                               std::to_string(evaluation.labels.size()) + " samples of the evaluation set, " + engine});
  }
  manifest.evaluation = {std::string(kEvaluationPath), static_cast<std::int64_t>(evaluation.labels.size())};
  return file_of(evaluation);
}

}  // namespace arete::apps
