// ReferenceBuilder: makes a Reference of samples as they stream past, in flat memory.
//
// How bins are chosen: the first values of a feature are kept, its window. When it is full, or at the end, edges are
// laid through it, once and for all, and everything is counted, the window too: counts are exact, of all samples.
//   As many distinct values as bins or fewer: one bin a value.
//   More: bins with about the same number of values each. Equal values never part; those that are worth two bins have
//   one of their own, so that there may be fewer bins than were asked for.
// An edge lies halfway between two neighbouring values of the window, so that rounding moves none over it.
// Values beyond the window (65,536 samples of up to 64 features, fewer of more) fall into the bins that it gave:
// shuffle data that is sorted. The same samples in the same order give the same reference. Not for: what is a feature
// (features.h), running the model (proof/reference_run.h). Threads: one. Memory: kWindowValues doubles in all, whatever
// the number of samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "watch/reference.h"

namespace arete::watch {

inline constexpr std::size_t kDefaultBins = 20;
inline constexpr std::size_t kWindowValues = std::size_t{4} << 20;  // of all features together
inline constexpr std::size_t kMaxWindow = std::size_t{64} << 10;    // of one

// Edges between sorted values (see above); at most bins - 1, none where all are equal.
std::vector<double> choose_edges(std::span<const double> sorted, std::size_t bins);

// One feature's part of it.
class DistributionBuilder {
 public:
  // `bins`: 1 to kMaxEdges + 1. `window`: at least 1.
  DistributionBuilder(std::string name, std::size_t bins, std::size_t window);
  void add(double value);
  // Ends it.
  Distribution finish();

 private:
  void choose_bins();
  void count(double value);

  Distribution row_;
  std::size_t bins_;
  std::size_t window_limit_;
  std::vector<double> window_;
  std::vector<double> sums_;  // a bin; empty: the bins are not chosen yet
  std::uint64_t values_ = 0;
  double squares_ = 0;  // of value - mean
};

struct ReferencePlan {
  std::string predictor;
  std::vector<std::string> features;
  std::vector<std::string> outputs;    // of a model that is no classification
  std::optional<std::size_t> classes;  // a classification: how many there are at least
  bool confidence = false;
  std::size_t bins = kDefaultBins;
};

// What the model answered to one sample.
struct Answer {
  std::vector<double> outputs = {};  // in the plan's order
  std::int64_t label = -1;           // the class; below 0: none
  double confidence = std::numeric_limits<double>::quiet_NaN();
};

class ReferenceBuilder {
 public:
  // CHECKs the number of bins.
  explicit ReferenceBuilder(const ReferencePlan& plan);
  // A value for each feature, in the plan's order. CHECKs the numbers of features and outputs.
  void add(std::span<const double> features, const Answer& answer);
  std::uint64_t samples() const { return reference_.samples; }
  // Ends it. Errors of check_reference: without samples, for two features of one name.
  Result<Reference> finish();

 private:
  Reference reference_;
  std::vector<DistributionBuilder> features_;
  std::vector<DistributionBuilder> outputs_;
  std::optional<DistributionBuilder> confidence_;
};

}  // namespace arete::watch
