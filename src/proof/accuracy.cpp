#include "proof/accuracy.h"

#include <algorithm>

#include "core/batch.h"
#include "core/model_card.h"
#include "proof/sample_batch.h"
#include "proof/top1.h"

namespace arete::proof {
namespace {

using Outputs = std::vector<Tensor>;

std::size_t bytes_of(const Outputs& tensors) {
  std::size_t sum = 0;
  for (const Tensor& tensor : tensors) sum += tensor.size_bytes();
  return sum;
}

// Everything about one candidate while samples stream past.
class Candidate {
 public:
  Candidate(engine::Session& session, const engine::Session& original, const CompareOptions& options, bool one_by_one)
      : session_(session), yes_above_(options.yes_above), one_by_one_(one_by_one) {
    for (const engine::ValueInfo& output : original.outputs()) {
      const auto found = std::ranges::find(session.outputs(), output.name, &engine::ValueInfo::name);
      if (found == session.outputs().end()) {
        give_up({Code::kInvalid, "output '" + output.name + "' is missing"});
      }
      order_.push_back(static_cast<std::size_t>(found - session.outputs().begin()));
      result_.outputs.emplace_back(output.name);
    }
  }

  bool is_active() const { return !result_.failure.has_value(); }
  bool one_by_one() const { return one_by_one_; }
  engine::Session& session() const { return session_; }
  void give_up(Error error) { result_.failure = std::move(error); }

  // Whether both models' outputs have the same shapes.
  bool fits(const Outputs& original, const Outputs& own) const {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (original[i].shape() != own[order_[i]].shape()) return false;
    }
    return true;
  }

  // `original` and `own` are both models' outputs for `batch`.
  void compare(const Batch& batch, const Outputs& original, const Outputs& own) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (Status added = result_.outputs[i].add(original[i], own[order_[i]]); !added) {
        return give_up(std::move(added).error());
      }
    }
    result_.samples += static_cast<std::int64_t>(batch.samples);
    if (!original.empty()) compare_classes(batch, original[0], own[order_[0]]);
  }

  Agreement finish() {
    if (top1_compared_ > 0) {
      result_.top1 = static_cast<double>(top1_equal_) / static_cast<double>(top1_compared_);
    }
    return std::move(result_);
  }

 private:
  void compare_classes(const Batch& batch, const Tensor& original, const Tensor& own) {
    const auto rows = static_cast<std::int64_t>(batch.samples);
    const std::optional<Top1> before = top1_of(original, rows, yes_above_);
    const std::optional<Top1> after = top1_of(own, rows, yes_above_);
    if (!before || !after) return;
    for (std::size_t row = 0; row < batch.samples; ++row) {
      const std::int64_t first = before->classes[row];
      const std::int64_t second = after->classes[row];
      if (before->from_scores) count_top1(first == second);
      if (const auto& label = batch.labels[row]) count_label(first == *label, second == *label);
    }
  }

  void count_top1(bool equal) {
    ++top1_compared_;
    top1_equal_ += equal ? 1 : 0;
  }

  void count_label(bool original_right, bool candidate_right) {
    if (!result_.accuracy) result_.accuracy.emplace();
    PairedAccuracy& counts = *result_.accuracy;
    if (original_right) {
      ++(candidate_right ? counts.both_right : counts.only_original_right);
    } else {
      ++(candidate_right ? counts.only_candidate_right : counts.both_wrong);
    }
  }

  engine::Session& session_;
  std::optional<double> yes_above_;
  bool one_by_one_;
  std::vector<std::size_t> order_;  // where the original's outputs stand among this one's
  Agreement result_;
  std::int64_t top1_equal_ = 0;
  std::int64_t top1_compared_ = 0;
};

class Comparer {
 public:
  Comparer(engine::Session& original, std::span<engine::Session* const> candidates, SampleSource& source,
           const CompareOptions& options, const Progress& progress)
      : original_(original),
        rule_(rule_for(original, candidates, options)),
        // The first batch is one sample: it shows how large the others may be.
        batcher_(source, rule_.exact ? rule_ : BatchRule{}, options.max_samples),
        yes_above_(options.yes_above),
        total_(options.max_samples > 0 ? std::min(source.size(), options.max_samples) : source.size()),
        progress_(progress) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const bool one_by_one = i < options.one_by_one.size() && options.one_by_one[i];
      candidates_.emplace_back(*candidates[i], original, options, one_by_one);
    }
  }

  Result<Comparison> run() {
    while (true) {
      RETURN_IF_ERROR(check_stop(progress_));
      ASSIGN_OR_RETURN(const std::optional<Batch> batch, batcher_.next());
      if (!batch) break;
      if (!compare(*batch)) RETURN_IF_ERROR(compare_one_by_one(*batch));
      if (wrong_label_) return *wrong_label_;
      report(progress_, static_cast<std::int64_t>(batcher_.samples()), static_cast<std::int64_t>(total_));
    }
    if (out_.samples == 0) return nothing_compared();
    for (Candidate& candidate : candidates_) out_.candidates.push_back(candidate.finish());
    out_.skipped = static_cast<std::int64_t>(batcher_.skipped());
    out_.errors = batcher_.reasons();
    return std::move(out_);
  }

 private:
  static BatchRule rule_for(const engine::Session& original, std::span<engine::Session* const> candidates,
                            const CompareOptions& options) {
    BatchRule rule = batch_rule_for(original.inputs(), original.outputs());
    if (rule.exact) return rule;
    rule.largest = std::min(options.batch, rule.largest);
    for (const engine::Session* session : candidates)
      rule.largest = std::min(rule.largest, batch_rule_for(session->inputs()).largest);
    return rule;
  }

  // False when the original, or a candidate on more than one sample, does not run on it; then
  // nothing was counted.
  bool compare(const Batch& batch) {
    const Result<Outputs> outputs = run_rows(original_, batch);
    if (!outputs) return false;
    // A model that names a class for one sample but not for each of several mixes rows up inside.
    const std::optional<Top1> top1 =
        outputs->empty() ? std::nullopt
                         : top1_of(outputs->front(), static_cast<std::int64_t>(batch.samples), yes_above_);
    const bool names_classes = top1.has_value();
    if (top1) check_labels(batch, top1->count);
    if (batch.samples == 1) names_classes_alone_ |= names_classes;
    if (batch.samples > 1 && names_classes_alone_ && !names_classes) return false;
    std::vector<std::optional<Outputs>> others(candidates_.size());
    std::size_t batch_bytes = bytes_of(*outputs);
    for (const NamedTensor& input : batch.inputs) batch_bytes += input.tensor.size_bytes();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (!candidates_[i].is_active()) continue;
      const bool alone = candidates_[i].one_by_one() && batch.samples > 1 && !batch.is_exact;
      Result<Outputs> own =
          alone ? run_alone(candidates_[i].session(), batch) : run_rows(candidates_[i].session(), batch);
      if (!own && batch.samples > 1) return false;
      // An output whose first axis is no batch, a state [1,N,H], cannot be joined: then all go one by one.
      if (alone && !candidates_[i].fits(*outputs, *own)) return false;
      if (!own) {
        candidates_[i].give_up(with_context(std::move(own).error(), batch.origins[0]));
        continue;
      }
      batch_bytes += bytes_of(*own);
      others[i] = std::move(*own);
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (others[i]) candidates_[i].compare(batch, *outputs, *others[i]);
    }
    out_.samples += static_cast<std::int64_t>(batch.samples);
    choose_batch_size(batch_bytes / batch.samples);
    return true;
  }

  // The outputs of the samples, without those of the rows that only fill the batch.
  static Result<Outputs> run_rows(engine::Session& session, const Batch& batch) {
    ASSIGN_OR_RETURN(Outputs outputs, session.run(batch.inputs));
    if (batch.rows == batch.samples) return outputs;
    for (Tensor& output : outputs) {
      const bool has_rows = !output.shape().empty() && output.shape()[0] == static_cast<std::int64_t>(batch.rows);
      if (!has_rows || bits_of(output.dtype()) < 8) continue;
      ASSIGN_OR_RETURN(output, slice_rows(output, 0, static_cast<std::int64_t>(batch.samples)));
    }
    return outputs;
  }

  // The outputs of samples that each went in by itself, joined as those of one batch.
  static Result<Outputs> run_alone(engine::Session& session, const Batch& batch) {
    std::vector<std::vector<Tensor>> parts;  // by output
    for (std::size_t row = 0; row < batch.samples; ++row) {
      ASSIGN_OR_RETURN(const Batch sample, sample_of(batch, row));
      ASSIGN_OR_RETURN(Outputs outputs, session.run(sample.inputs));
      parts.resize(outputs.size());
      for (std::size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(std::move(outputs[i]));
    }
    Outputs joined;
    for (const std::vector<Tensor>& output : parts) {
      const bool has_rows =
          std::ranges::all_of(output, [](const Tensor& row) { return !row.shape().empty() && row.shape()[0] == 1; });
      if (!has_rows) return Error{Code::kUnsupported, "an output has no row a sample"};
      ASSIGN_OR_RETURN(Tensor tensor, concat_rows(output));
      joined.push_back(std::move(tensor));
    }
    return joined;
  }

  // A label that is none of the classes would count as wrong for every model.
  void check_labels(const Batch& batch, std::int64_t classes) {
    for (std::size_t row = 0; row < batch.samples && classes > 0 && !wrong_label_; ++row) {
      if (!batch.labels[row]) continue;
      const Status known = check_label(*batch.labels[row], classes);
      if (!known) wrong_label_ = with_context(known.error(), batch.origins[row]);
    }
  }

  Status compare_one_by_one(const Batch& batch) {
    const std::size_t skipped_before = batcher_.skipped();
    for (std::size_t i = 0; i < batch.samples; ++i) {
      ASSIGN_OR_RETURN(const Batch sample, sample_of(batch, i));
      if (compare(sample)) continue;
      const Result<Outputs> refused = original_.run(sample.inputs);
      batcher_.skip(sample.origins[0] + ": " + (refused ? "it ran the second time only" : refused.error().message));
    }
    // No sample was to blame: the inside of a model is fixed to one row.
    if (batch.samples > 1 && batcher_.skipped() == skipped_before) rule_.largest = 1;
    batcher_.set_batch_size(std::min(batch_size_, rule_.largest));
    return {};
  }

  void choose_batch_size(std::size_t bytes_a_sample) {
    batch_size_ = batch_size_within(bytes_a_sample, rule_.largest);
    batcher_.set_batch_size(batch_size_);
  }

  Error nothing_compared() const {
    if (batcher_.skipped() == 0) return {Code::kInvalid, "there is no sample to compare on"};
    return {Code::kInvalid, "none of " + std::to_string(batcher_.skipped()) +
                                " samples could be used; the first: " + batcher_.reasons()[0]};
  }

  engine::Session& original_;
  BatchRule rule_;
  SampleBatcher batcher_;
  std::optional<double> yes_above_;
  std::size_t total_;
  const Progress& progress_;
  std::vector<Candidate> candidates_;
  int batch_size_ = 1;
  bool names_classes_alone_ = false;
  std::optional<Error> wrong_label_;
  Comparison out_;
};

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::int64_t PairedAccuracy::samples() const {
  return both_right + only_original_right + only_candidate_right + both_wrong;
}

double PairedAccuracy::original() const { return share(both_right + only_original_right, samples()); }

double PairedAccuracy::candidate() const { return share(both_right + only_candidate_right, samples()); }

double PairedAccuracy::delta_points() const {
  return 100 * share(only_candidate_right - only_original_right, samples());
}

Interval PairedAccuracy::delta_points_interval() const {
  const Interval interval = paired_difference(samples(), only_original_right, only_candidate_right);
  return {100 * interval.low, 100 * interval.high};
}

double PairedAccuracy::p_value() const { return mcnemar_p(only_original_right, only_candidate_right); }

std::optional<double> Agreement::sqnr_db() const {
  std::optional<double> worst;
  for (const OutputDifference& output : outputs) {
    const std::optional<double> own = output.sqnr_db();
    if (own && (!worst || *own < *worst)) worst = own;
  }
  return worst;
}

const OutputDifference* Agreement::worst_discrete() const {
  const OutputDifference* worst = nullptr;
  for (const OutputDifference& output : outputs) {
    if (output.is_float() || output.is_exact()) continue;
    if (worst == nullptr || output.equal_fraction() < worst->equal_fraction()) worst = &output;
  }
  return worst;
}

bool Agreement::is_exact() const { return std::ranges::all_of(outputs, &OutputDifference::is_exact); }

bool Agreement::has_new_non_finite() const {
  return std::ranges::any_of(outputs, [](const OutputDifference& output) {
    return output.only_original_finite() + output.only_candidate_finite() > 0;
  });
}

Result<Comparison> compare_outputs(engine::Session& original, std::span<engine::Session* const> candidates,
                                   SampleSource& samples, const CompareOptions& options, const Progress& progress) {
  return Comparer(original, candidates, samples, options, progress).run();
}

}  // namespace arete::proof
