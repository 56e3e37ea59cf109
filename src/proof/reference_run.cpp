#include "proof/reference_run.h"

#include <algorithm>

#include "core/activation.h"
#include "core/batch.h"
#include "proof/sample_batch.h"
#include "proof/top1.h"
#include "watch/features.h"
#include "watch/reference_builder.h"

namespace arete::proof {
namespace {

std::vector<watch::TensorSpec> specs_of(std::span<const engine::ValueInfo> values) {
  std::vector<watch::TensorSpec> specs;
  for (const engine::ValueInfo& value : values)
    specs.push_back({value.name, value.dtype, value.shape, value.known_shape});
  return specs;
}

bool names_classes(const engine::Session& session, const std::optional<ModelCard>& card) {
  if (card) return card->output.kind == OutputKind::kClassification;
  if (session.outputs().empty()) return false;
  const engine::ValueInfo& first = session.outputs().front();
  return first.known_shape && suggests_classes(first.dtype, first.shape);
}

// One sample's part of tensors that hold `rows` of them.
Result<std::vector<NamedTensor>> row_of(std::span<const NamedTensor> tensors, std::size_t row, std::size_t rows) {
  std::vector<NamedTensor> parts(tensors.begin(), tensors.end());
  if (rows == 1) return parts;
  for (NamedTensor& part : parts) {
    ASSIGN_OR_RETURN(part.tensor, slice_rows(part.tensor, static_cast<std::int64_t>(row), 1));
  }
  return parts;
}

// The score of the class that was answered, as the card's activation makes it.
Result<double> confidence_of(const Tensor& scores, std::int64_t label, Activation activation) {
  ASSIGN_OR_RETURN(std::vector<double> row, to_doubles(scores));
  activate(activation, row);
  if (row.size() == 1) return label == 1 ? row[0] : 1 - row[0];
  return row[static_cast<std::size_t>(label)];
}

class ReferenceMaker {
 public:
  static Result<ReferenceMaker> make(engine::Session& session, const ReferenceOptions& options) {
    ReferenceMaker maker(session, options);
    RETURN_IF_ERROR(maker.plan(options));
    return maker;
  }

  Result<ReferenceRun> run(SampleSource& source, std::size_t max_samples, const Progress& progress) {
    SampleBatcher batcher(source, rule_.exact ? rule_ : BatchRule{}, max_samples);
    const std::size_t total = max_samples > 0 ? std::min(source.size(), max_samples) : source.size();
    while (true) {
      RETURN_IF_ERROR(check_stop(progress));
      ASSIGN_OR_RETURN(const std::optional<Batch> batch, batcher.next());
      if (!batch) break;
      take(*batch, batcher);
      report(progress, static_cast<std::int64_t>(batcher.samples()), static_cast<std::int64_t>(total));
    }
    if (builder_->samples() == 0) return nothing_counted(batcher);
    ReferenceRun done;
    ASSIGN_OR_RETURN(done.reference, builder_->finish());
    done.skipped = batcher.skipped();
    done.reasons = batcher.reasons();
    return done;
  }

 private:
  ReferenceMaker(engine::Session& session, const ReferenceOptions& options)
      : session_(session),
        card_(options.card.value_or(ModelCard{})),
        classifies_(names_classes(session, options.card)),
        rule_(batch_rule_for(session.inputs(), session.outputs())) {
    if (classifies_) card_.output.kind = OutputKind::kClassification;
  }

  Status plan(const ReferenceOptions& options) {
    const bool has_batch_axis = rule_.largest > 1;
    ASSIGN_OR_RETURN(features_, watch::FeatureReader::make(specs_of(session_.inputs()), &card_.input, has_batch_axis));
    watch::ReferencePlan plan;
    plan.predictor = options.predictor;
    plan.features = features_.names();
    if (classifies_) {
      RETURN_IF_ERROR(plan_classes(plan));
    } else {
      ASSIGN_OR_RETURN(outputs_, watch::FeatureReader::make(specs_of(session_.outputs()), nullptr, has_batch_axis));
      plan.outputs = outputs_.names();
    }
    if (plan.features.size() + plan.outputs.size() > watch::kMaxFeatures)
      return Error{Code::kExhausted,
                   "the inputs and outputs have more than " + std::to_string(watch::kMaxFeatures) + " values to watch"};
    builder_.emplace(plan);
    return {};
  }

  Status plan_classes(watch::ReferencePlan& plan) {
    const engine::ValueInfo& scores = session_.outputs().front();
    const std::int64_t declared = scores.known_shape ? classes_of(card_.output, scores.dtype, scores.shape) : 0;
    plan.classes = std::max(static_cast<std::size_t>(declared), card_.output.labels.size());
    if (*plan.classes > watch::kMaxClasses)
      return Error{Code::kExhausted, "there are " + std::to_string(*plan.classes) + " classes; a reference counts " +
                                         std::to_string(watch::kMaxClasses) + " at most"};
    plan.confidence = scores.dtype != DType::kInt64 && scores.dtype != DType::kInt32;  // these are class numbers
    return {};
  }

  void take(const Batch& batch, SampleBatcher& batcher) {
    Result<std::vector<Tensor>> run = session_.run(batch.inputs);
    std::vector<NamedTensor> outputs;
    for (std::size_t i = 0; run && i < run->size(); ++i)
      outputs.push_back({session_.outputs()[i].name, std::move((*run)[i])});
    for (std::size_t i = 0; i < batch.samples; ++i) {
      const Status counted = run ? count(batch, i, outputs) : Status(run.error());
      if (!counted) batcher.skip(batch.origins[i] + ": " + counted.error().message);
    }
  }

  Status count(const Batch& batch, std::size_t row, const std::vector<NamedTensor>& outputs) {
    ASSIGN_OR_RETURN(const std::vector<NamedTensor> inputs, row_of(batch.inputs, row, batch.rows));
    ASSIGN_OR_RETURN(const std::vector<double> features, features_.read(inputs));
    ASSIGN_OR_RETURN(const std::vector<NamedTensor> own, row_of(outputs, row, batch.rows));
    watch::Answer answer;
    if (classifies_) {
      ASSIGN_OR_RETURN(answer, class_of(own.front().tensor));
    } else {
      ASSIGN_OR_RETURN(answer.outputs, outputs_.read(own));
    }
    builder_->add(features, answer);
    return {};
  }

  Result<watch::Answer> class_of(const Tensor& scores) const {
    const std::optional<Top1> top1 = top1_of(scores, 1, yes_above(card_.output));
    if (!top1) return Error{Code::kUnsupported, "its first output, " + describe(scores) + ", names no class"};
    watch::Answer answer;
    answer.label = top1->classes.front();
    if (!top1->from_scores || answer.label < 0) return answer;
    ASSIGN_OR_RETURN(answer.confidence, confidence_of(scores, answer.label, card_.output.activation));
    return answer;
  }

  static Error nothing_counted(const SampleBatcher& batcher) {
    if (batcher.skipped() == 0) return {Code::kInvalid, "there is no sample to make a reference of"};
    return {Code::kInvalid, "none of " + std::to_string(batcher.skipped()) +
                                " samples could be used; the first: " + batcher.reasons()[0]};
  }

  engine::Session& session_;
  ModelCard card_;
  bool classifies_;
  BatchRule rule_;
  watch::FeatureReader features_;
  watch::FeatureReader outputs_;
  std::optional<watch::ReferenceBuilder> builder_;
};

}  // namespace

Result<ReferenceRun> make_reference(engine::Session& session, SampleSource& samples, const ReferenceOptions& options,
                                    const Progress& progress) {
  ASSIGN_OR_RETURN(ReferenceMaker maker, ReferenceMaker::make(session, options));
  return maker.run(samples, options.max_samples, progress);
}

}  // namespace arete::proof
