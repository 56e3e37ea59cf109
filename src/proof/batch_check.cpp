#include "proof/batch_check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/batch.h"
#include "proof/sample_batch.h"

namespace arete::proof {
namespace {

using Row = std::vector<NamedTensor>;

// The smallest and the largest value of an input over all samples.
struct Extent {
  double low = 0;
  double high = 0;
};

Result<Extent> extent_of(const Golden& golden, std::size_t input) {
  Extent extent{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const GoldenSample& sample : golden.samples) {
    ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(sample.inputs[input].tensor));
    for (const double value : values) {
      if (!std::isfinite(value)) continue;
      extent.low = std::min(extent.low, value);
      extent.high = std::max(extent.high, value);
    }
  }
  if (extent.low > extent.high) return Extent{};
  return extent;
}

// A tensor like `like` with one value everywhere.
Result<Tensor> filled(const Tensor& like, std::span<const std::byte> element) {
  ASSIGN_OR_RETURN(Tensor tensor, Tensor::zeros(like.dtype(), like.shape()));
  std::span<std::byte> to = tensor.mutable_bytes();
  for (std::size_t at = 0; at + element.size() <= to.size(); at += element.size())
    std::ranges::copy(element, to.begin() + static_cast<std::ptrdiff_t>(at));
  return tensor;
}

// The bytes of the element of the samples that is nearest to the value: a value that is surely valid for the model.
Result<std::vector<std::byte>> element_at(const Golden& golden, std::size_t input, double value) {
  for (const GoldenSample& sample : golden.samples) {
    const Tensor& tensor = sample.inputs[input].tensor;
    ASSIGN_OR_RETURN(const std::vector<double> values, to_doubles(tensor));
    const auto found = std::ranges::find(values, value);
    if (found == values.end()) continue;
    const std::size_t width = tensor.size_bytes() / values.size();
    const auto from = tensor.bytes().subspan(static_cast<std::size_t>(found - values.begin()) * width, width);
    return std::vector<std::byte>(from.begin(), from.end());
  }
  return Error{Code::kBug, "an extreme value is none of the samples'"};
}

// All inputs at their lowest, at their highest, and zeros.
Result<std::vector<Row>> extreme_rows(const Golden& golden) {
  std::vector<Row> rows(3);
  for (std::size_t i = 0; i < golden.samples.front().inputs.size(); ++i) {
    const NamedTensor& like = golden.samples.front().inputs[i];
    ASSIGN_OR_RETURN(const Extent extent, extent_of(golden, i));
    ASSIGN_OR_RETURN(const std::vector<std::byte> low, element_at(golden, i, extent.low));
    ASSIGN_OR_RETURN(const std::vector<std::byte> high, element_at(golden, i, extent.high));
    ASSIGN_OR_RETURN(Tensor lowest, filled(like.tensor, low));
    ASSIGN_OR_RETURN(Tensor highest, filled(like.tensor, high));
    ASSIGN_OR_RETURN(Tensor zeros, Tensor::zeros(like.tensor.dtype(), like.tensor.shape()));
    rows[0].push_back({like.name, std::move(lowest)});
    rows[1].push_back({like.name, std::move(highest)});
    rows[2].push_back({like.name, std::move(zeros)});
  }
  return rows;
}

class Trial {
 public:
  Trial(const BatchQuestion& question, const RunModel& run, std::vector<const Row*> rows,
        std::vector<const std::vector<Tensor>*> alone)
      : question_(question), run_(run), rows_(std::move(rows)), alone_(std::move(alone)) {}

  // Batches of `size` until every row stood in one, each time with other companions: the step walks through the rows
  // so that samples and extremes alternate.
  Status check(std::int64_t size) {
    const std::size_t count = rows_.size();
    std::size_t step = 3;
    while (std::gcd(step, count) != 1) ++step;  // so that all are reached
    for (std::size_t begin = 0; begin < count; begin += static_cast<std::size_t>(size)) {
      if (question_.cancelled && question_.cancelled()) return Error{Code::kCancelled, "the model was unloaded"};
      std::vector<std::size_t> members;
      for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) members.push_back((begin + i) * step % count);
      RETURN_IF_ERROR(check_members(members));
    }
    return {};
  }

  std::int64_t last_run_ns() const { return last_run_ns_; }

 private:
  Status check_members(std::span<const std::size_t> members) {
    std::vector<std::span<const NamedTensor>> rows;
    for (const std::size_t member : members) rows.emplace_back(*rows_[member]);
    ASSIGN_OR_RETURN(const Row joined, concat_members(rows));
    const std::int64_t start = question_.now_ns ? question_.now_ns() : 0;
    ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, run_(joined));
    last_run_ns_ = question_.now_ns ? question_.now_ns() - start : 0;
    for (std::size_t place = 0; place < members.size(); ++place) {
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        const Tensor& alone = (*alone_[members[place]])[i];
        RETURN_IF_ERROR(check_row(i, alone, outputs[i], members.size(), place));
      }
    }
    return {};
  }

  Status check_row(std::size_t output, const Tensor& alone, const Tensor& all, std::size_t rows,
                   std::size_t place) const {
    const std::string& name = question_.outputs[output].name;
    if (all.shape().empty() || all.shape().front() != static_cast<std::int64_t>(rows)) {
      return Error{Code::kInvalid, "the output '" + name + "' of " + std::to_string(rows) + " rows is " +
                                       describe(all) + ", so that rows cannot be told apart"};
    }
    ASSIGN_OR_RETURN(const Tensor own, slice_rows(all, static_cast<std::int64_t>(place), 1));
    const Status same = check_match(name, alone, own, question_.tolerance);
    if (same) return {};
    return with_context(same.error(), "a row answers otherwise beside others (batch of " + std::to_string(rows) + ")");
  }

  const BatchQuestion& question_;
  const RunModel& run_;
  std::vector<const Row*> rows_;
  std::vector<const std::vector<Tensor>*> alone_;
  std::int64_t last_run_ns_ = 0;
};

bool is_one_row(const GoldenSample& sample) {
  return std::ranges::all_of(sample.inputs, [](const NamedTensor& input) {
    return !input.tensor.shape().empty() && input.tensor.shape().front() == 1;
  });
}

bool like_first(const Golden& golden, const GoldenSample& sample) {
  return std::ranges::equal(
      sample.inputs, golden.samples.front().inputs, {}, [](const NamedTensor& input) { return input.tensor.shape(); },
      [](const NamedTensor& input) { return input.tensor.shape(); });
}

}  // namespace

BatchVerdict check_batching(const BatchQuestion& question, const Golden& golden,
                            std::span<const std::vector<Tensor>> alone, const RunModel& run) {
  const BatchRule rule = batch_rule_for(question.inputs, question.outputs);
  if (question.max_rows <= 1) return {1, "batching was not asked for"};
  if (rule.exact || rule.largest <= 1)
    return {1, "the model's inputs and outputs have no dynamic first axis in common"};
  if (golden.samples.empty() || !std::ranges::all_of(golden.samples, is_one_row))
    return {1, "there is no input of one row to try it with"};
  const auto no = [](const Error& error) { return BatchVerdict{1, error.message}; };
  const Result<std::vector<Row>> extremes = extreme_rows(golden);
  if (!extremes) return no(extremes.error());
  std::vector<std::vector<Tensor>> extreme_alone;
  std::int64_t one_ns = 0;
  for (const Row& row : *extremes) {
    const std::int64_t start = question.now_ns ? question.now_ns() : 0;
    Result<std::vector<Tensor>> outputs = run(row);
    one_ns = question.now_ns ? question.now_ns() - start : 0;
    if (!outputs) return no(with_context(outputs.error(), "a trial on the inputs' extreme values failed"));
    extreme_alone.push_back(std::move(*outputs));
  }
  std::vector<const Row*> rows;
  std::vector<const std::vector<Tensor>*> answers;
  for (std::size_t i = 0; i < golden.samples.size(); ++i) {
    if (!like_first(golden, golden.samples[i])) continue;
    rows.push_back(&golden.samples[i].inputs);
    answers.push_back(&alone[i]);
    if (i % 4 != 0 || i / 4 >= extremes->size()) continue;
    rows.push_back(&(*extremes)[i / 4]);
    answers.push_back(&extreme_alone[i / 4]);
  }
  Trial trial(question, run, std::move(rows), std::move(answers));
  for (const std::int64_t size : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, question.max_rows}) {
    if (size > question.max_rows) continue;
    if (const Status same = trial.check(size); !same) return no(same.error());
  }
  BatchVerdict verdict{question.max_rows, "rows answer alike alone and beside others"};
  if (trial.last_run_ns() > 0)
    verdict.gain =
        static_cast<double>(one_ns) * static_cast<double>(question.max_rows) / static_cast<double>(trial.last_run_ns());
  return verdict;
}

}  // namespace arete::proof
