// Reference: how a model's inputs and answers lay when it was made, on bins; what live values are watched against.
//
// A distribution has no more than what can be added up: devices that count on the same edges are joined by adding their
// counts, and PSI, Kolmogorov-Smirnov, Jensen-Shannon, Wasserstein (by the bins' means) and chi-squared need nothing
// else. docs/formats/reference.md has its bytes and the rules that a reference obeys.
// Not for: choosing the bins (reference_builder.h), what is a feature (features.h), the tests of drift.
// Threads: values and pure functions. Limits: below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "watch/metrics.h"

namespace arete::watch {

inline constexpr std::size_t kMaxEdges = kMaxBounds;  // so that a Histogram counts on the same bins
inline constexpr std::size_t kMaxFeatures = 4096;     // with the outputs
inline constexpr std::size_t kMaxFeatureNameBytes = 256;
inline constexpr std::size_t kMaxClasses = 100'000;
inline constexpr std::uint64_t kMaxReferenceSamples = 1'000'000'000'000;
inline constexpr std::size_t kMaxReferenceBytes = std::size_t{8} << 20;
inline constexpr double kLargestValue = 1e150;  // beyond it squares are no doubles

// How the values of one feature lay. counts[i] is how many were in (edges[i-1], edges[i]]; the first bin has no lower
// and the last no upper end: counts.size() == means.size() == edges.size() + 1. Without any value all numbers are 0.
struct Distribution {
  std::string name;                   // "x[3]"
  std::vector<double> edges;          // ascending
  std::vector<std::uint64_t> counts;  // a bin
  std::vector<double> means;          // of the values in each bin; 0 where it has none
  std::uint64_t missing = 0;          // samples without a value: NaN, infinite, beyond kLargestValue
  double minimum = 0;
  double maximum = 0;
  double mean = 0;
  double deviation = 0;  // the root of the mean square of value - mean
};

// How often each class was answered.
struct ClassCounts {
  std::vector<std::uint64_t> counts;  // by class
  std::uint64_t missing = 0;          // answers that name no class
};

struct Reference {
  std::uint64_t samples = 0;  // of each distribution: all counts and missing
  std::string predictor;      // which model gave the answers: "original model", "variant main"
  std::vector<Distribution> features;
  std::vector<Distribution> outputs;       // of a model that is no classification
  std::optional<ClassCounts> classes;      // of one that is
  std::optional<Distribution> confidence;  // its score for the class that it answered
};

// Whether a value goes into a bin; all others are missing.
bool is_counted(double value);
// The bin of a value that is counted, 0 to edges.size().
std::size_t bin_of(std::span<const double> edges, double value);

// kCorrupt for text that is no JSON, kUnsupported for a newer format, kExhausted over a limit, kInvalid naming the
// distribution and the field. A reference that was read obeys every rule of docs/formats/reference.md.
Result<Reference> parse_reference(std::string_view text);
// The same rules for one that was made.
Status check_reference(const Reference& reference);
// One line; doubles come back bit for bit.
std::string write_reference(const Reference& reference);

}  // namespace arete::watch
