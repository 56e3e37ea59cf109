#include "proof/golden_difference.h"

#include <algorithm>
#include <cmath>

#include "proof/output_difference.h"
#include "proof/output_match.h"
#include "proof/top1.h"

namespace arete::proof {
namespace {

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  return largest;
}

struct Agreement {
  std::int64_t equal = 0;
  std::int64_t rows = 0;

  void add(const Tensor& wanted, const Tensor& given) {
    if (wanted.shape().empty() || given.shape() != wanted.shape()) return;
    const std::int64_t count = wanted.shape().front();
    const std::optional<Top1> a = top1_of(wanted, count);
    const std::optional<Top1> b = top1_of(given, count);
    if (!a || !b) return;
    for (std::size_t i = 0; i < a->classes.size(); ++i) equal += a->classes[i] == b->classes[i] ? 1 : 0;
    rows += static_cast<std::int64_t>(a->classes.size());
  }
};

}  // namespace

Result<double> relative_difference(const Tensor& original, const Tensor& candidate) {
  if (!is_float_dtype(original.dtype())) return check_match("", original, candidate, {}) ? 0.0 : 1.0;
  ASSIGN_OR_RETURN(const std::vector<double> a, to_doubles(original));
  ASSIGN_OR_RETURN(const std::vector<double> b, to_doubles(candidate));
  if (a.size() != b.size()) return Error{Code::kInvalid, "outputs of different sizes"};
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i]) && std::isfinite(b[i])) most = std::max(most, std::abs(a[i] - b[i]));
  }
  const double largest = largest_of(a);
  return largest == 0 ? 0.0 : std::min(1.0, most / largest);
}

double tolerance_for(double difference, DType dtype) {
  return is_float_dtype(dtype) ? std::max(kLeastTolerance, std::min(1.0, kToleranceFactor * difference)) : 0;
}

Status check_difference(const GoldenDifference& difference, std::span<const NamedTensor> outputs) {
  const auto percent = [](double share) {
    const long tenths = std::lround(share * 1000);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
  };
  for (std::size_t i = 0; i < difference.differences.size(); ++i) {
    if (difference.differences[i] <= kMostDifference) continue;
    return Error{Code::kInvalid, "output '" + outputs[i].name + "' is off by " + percent(difference.differences[i]) +
                                     " of its largest value on the golden samples, over " + percent(kMostDifference)};
  }
  if (!difference.agreement || *difference.agreement >= kLeastAgreement) return {};
  return Error{Code::kInvalid, "it gives the same answer on " + percent(*difference.agreement) +
                                   " of the golden samples, under " + percent(kLeastAgreement)};
}

Result<GoldenDifference> measure_golden(const Golden& golden, const RunModel& run) {
  if (!golden.has_outputs()) return Error{Code::kInvalid, "the golden file has inputs, but no answers to compare with"};
  GoldenDifference found;
  found.differences.assign(golden.samples.front().outputs.size(), 0);
  Agreement agreement;
  for (std::size_t i = 0; i < golden.samples.size(); ++i) {
    const GoldenSample& sample = golden.samples[i];
    Result<std::vector<Tensor>> outputs = run(sample.inputs);
    if (!outputs) return with_context(std::move(outputs).error(), "golden sample " + std::to_string(i));
    for (std::size_t j = 0; j < sample.outputs.size(); ++j) {
      ASSIGN_OR_RETURN(const double off, relative_difference(sample.outputs[j].tensor, outputs->at(j)));
      found.differences[j] = std::max(found.differences[j], off);
    }
    agreement.add(sample.outputs.front().tensor, outputs->front());
  }
  if (agreement.rows > 0) found.agreement = static_cast<double>(agreement.equal) / static_cast<double>(agreement.rows);
  return found;
}

}  // namespace arete::proof
