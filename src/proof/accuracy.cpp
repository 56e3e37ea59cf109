#include "proof/accuracy.h"

#include <algorithm>

#include "core/batch.h"
#include "proof/top1.h"

namespace arete::proof {
namespace {

using Outputs = std::vector<Tensor>;

// True when samples can be joined along the first axis of every input.
bool takes_batches(const engine::Session& session) {
  return std::ranges::all_of(session.inputs(), [](const engine::ValueInfo& info) {
    return info.known_shape && !info.shape.empty() && info.shape[0] == -1;
  });
}

std::size_t bytes_of(const Outputs& tensors) {
  std::size_t sum = 0;
  for (const Tensor& tensor : tensors) sum += tensor.size_bytes();
  return sum;
}

Result<std::vector<NamedTensor>> join(std::span<const Sample> samples) {
  std::vector<NamedTensor> joined;
  for (std::size_t i = 0; i < samples[0].inputs.size(); ++i) {
    const std::string& name = samples[0].inputs[i].name;
    std::vector<Tensor> parts;
    for (const Sample& sample : samples) {
      if (i >= sample.inputs.size() || sample.inputs[i].name != name) {
        return Error{Code::kInvalid, "'" + sample.origin + "' has other inputs than the rest"};
      }
      parts.push_back(sample.inputs[i].tensor);
    }
    ASSIGN_OR_RETURN(Tensor tensor, concat_rows(parts));
    joined.push_back({name, std::move(tensor)});
  }
  return joined;
}

// Everything about one candidate while samples stream past.
class Candidate {
 public:
  Candidate(engine::Session& session, const engine::Session& original) : session_(session) {
    for (const engine::ValueInfo& output : original.outputs()) {
      const auto found =
          std::ranges::find(session.outputs(), output.name, &engine::ValueInfo::name);
      if (found == session.outputs().end()) {
        give_up({Code::kInvalid, "output '" + output.name + "' is missing"});
      }
      order_.push_back(static_cast<std::size_t>(found - session.outputs().begin()));
      result_.outputs.emplace_back(output.name);
    }
  }

  bool is_active() const { return !result_.failure.has_value(); }
  const engine::Session& session() const { return session_; }
  void give_up(Error error) { result_.failure = std::move(error); }

  Result<Outputs> run(std::span<const NamedTensor> inputs) { return session_.run(inputs); }

  // `original` and `own` are both models' outputs for `samples`.
  void compare(std::span<const Sample> samples, const Outputs& original, const Outputs& own) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (Status added = result_.outputs[i].add(original[i], own[order_[i]]); !added) {
        return give_up(std::move(added).error());
      }
    }
    result_.samples += static_cast<std::int64_t>(samples.size());
    if (original.empty()) return;
    const auto rows = static_cast<std::int64_t>(samples.size());
    const std::optional<Top1> before = top1_of(original[0], rows);
    const std::optional<Top1> after = top1_of(own[order_[0]], rows);
    if (!before || !after) return;
    for (std::size_t row = 0; row < samples.size(); ++row) {
      if (before->from_scores) count_top1(before->classes[row] == after->classes[row]);
      if (samples[row].label) {
        count_label(before->classes[row] == *samples[row].label,
                    after->classes[row] == *samples[row].label);
      }
    }
  }

  Agreement finish() {
    if (top1_compared_ > 0) {
      result_.top1 = static_cast<double>(top1_equal_) / static_cast<double>(top1_compared_);
    }
    return std::move(result_);
  }

 private:
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
  std::vector<std::size_t> order_;  // where the original's outputs stand among this one's
  Agreement result_;
  std::int64_t top1_equal_ = 0;
  std::int64_t top1_compared_ = 0;
};

class Comparer {
 public:
  Comparer(engine::Session& original, std::span<engine::Session* const> candidates,
           SampleSource& samples, const CompareOptions& options, const Progress& progress)
      : original_(original), samples_(samples), options_(options), progress_(progress) {
    bool batches = takes_batches(original);
    for (engine::Session* session : candidates) {
      candidates_.emplace_back(*session, original);
      batches = batches && takes_batches(*session);
    }
    max_batch_ = batches ? std::max<std::int64_t>(options.batch, 1) : 1;
  }

  Result<Comparison> run() {
    while (true) {
      RETURN_IF_ERROR(check_stop(progress_));
      const std::vector<Sample> samples = next_batch();
      if (samples.empty()) break;
      if (!compare(samples)) compare_one_by_one(samples);
      report(progress_, seen_, total());
    }
    if (out_.samples == 0) return nothing_compared();
    for (Candidate& candidate : candidates_) out_.candidates.push_back(candidate.finish());
    return std::move(out_);
  }

 private:
  std::int64_t total() const {
    const auto all = static_cast<std::int64_t>(samples_.size());
    return options_.max_samples > 0 ? std::min(all, options_.max_samples) : all;
  }

  // The first batch is one sample: it shows how large the others may be.
  std::vector<Sample> next_batch() {
    const std::int64_t wanted = out_.samples == 0 ? 1 : batch_;
    std::vector<Sample> batch;
    while (static_cast<std::int64_t>(batch.size()) < wanted && seen_ < total()) {
      Result<std::optional<Sample>> sample = samples_.next();
      ++seen_;
      if (!sample) {
        skip(sample.error().message);
      } else if (!sample->has_value()) {
        seen_ = total();
      } else {
        batch.push_back(std::move(**sample));
      }
    }
    return batch;
  }

  // False when these samples do not run together; then nothing was counted.
  bool compare(std::span<const Sample> samples) {
    const Result<std::vector<NamedTensor>> inputs = join(samples);
    if (!inputs) return false;
    const Result<Outputs> outputs = original_.run(*inputs);
    if (!outputs) return false;
    std::vector<std::optional<Outputs>> others;
    std::size_t batch_bytes = bytes_of(*outputs);
    for (const NamedTensor& input : *inputs) batch_bytes += input.tensor.size_bytes();
    for (Candidate& candidate : candidates_) {
      others.emplace_back();
      if (!candidate.is_active()) continue;
      Result<Outputs> own = candidate.run(*inputs);
      if (!own && samples.size() > 1) return false;
      if (!own) {
        candidate.give_up(with_context(own.error(), samples[0].origin));
        continue;
      }
      batch_bytes += bytes_of(*own);
      others.back() = std::move(*own);
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (others[i]) candidates_[i].compare(samples, *outputs, *others[i]);
    }
    out_.samples += static_cast<std::int64_t>(samples.size());
    choose_batch(batch_bytes / samples.size());
    return true;
  }

  void compare_one_by_one(const std::vector<Sample>& samples) {
    const std::int64_t skipped_before = out_.skipped;
    for (const Sample& sample : samples) {
      if (compare({&sample, 1})) continue;
      const Result<Outputs> refused = original_.run(sample.inputs);
      skip(sample.origin + ": " + (refused ? "cannot be run" : refused.error().message));
    }
    // No sample was to blame: the inside of a model is fixed to one row.
    if (samples.size() > 1 && out_.skipped == skipped_before) batch_ = max_batch_ = 1;
  }

  void choose_batch(std::size_t bytes_a_sample) {
    const auto fitting =
        static_cast<std::int64_t>(kMaxBatchBytes / std::max<std::size_t>(bytes_a_sample, 1));
    batch_ = std::clamp<std::int64_t>(fitting, 1, max_batch_);
  }

  void skip(const std::string& why) {
    ++out_.skipped;
    if (out_.errors.size() < kErrorsKept) out_.errors.push_back(why);
  }

  Error nothing_compared() const {
    if (out_.skipped == 0) return {Code::kInvalid, "there is no sample to compare on"};
    return {Code::kInvalid, "none of " + std::to_string(out_.skipped) +
                                " samples could be used; the first: " + out_.errors[0]};
  }

  engine::Session& original_;
  SampleSource& samples_;
  const CompareOptions& options_;
  const Progress& progress_;
  std::vector<Candidate> candidates_;
  std::int64_t max_batch_ = 1;
  std::int64_t batch_ = 1;
  std::int64_t seen_ = 0;
  Comparison out_;
};

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::int64_t PairedAccuracy::samples() const {
  return both_right + only_original_right + only_candidate_right + both_wrong;
}

double PairedAccuracy::original() const {
  return share(both_right + only_original_right, samples());
}

double PairedAccuracy::candidate() const {
  return share(both_right + only_candidate_right, samples());
}

double PairedAccuracy::delta_points() const {
  return 100 * share(only_candidate_right - only_original_right, samples());
}

Interval PairedAccuracy::delta_points_interval() const {
  const Interval interval = paired_difference(samples(), only_original_right, only_candidate_right);
  return {100 * interval.low, 100 * interval.high};
}

double PairedAccuracy::p_value() const {
  return mcnemar_p(only_original_right, only_candidate_right);
}

std::optional<double> Agreement::sqnr_db() const {
  std::optional<double> worst;
  for (const OutputDifference& output : outputs) {
    const std::optional<double> own = output.sqnr_db();
    if (own && (!worst || *own < *worst)) worst = own;
  }
  return worst;
}

bool Agreement::is_exact() const {
  return std::ranges::all_of(outputs, &OutputDifference::is_exact);
}

bool Agreement::has_new_non_finite() const {
  return std::ranges::any_of(outputs, [](const OutputDifference& output) {
    return output.only_original_finite() + output.only_candidate_finite() > 0;
  });
}

Result<Comparison> compare_outputs(engine::Session& original,
                                   std::span<engine::Session* const> candidates,
                                   SampleSource& samples, const CompareOptions& options,
                                   const Progress& progress) {
  return Comparer(original, candidates, samples, options, progress).run();
}

}  // namespace arete::proof
