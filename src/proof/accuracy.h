// Accuracy of candidates against their original: top-1 with labels, agreement without, and how far
// the outputs are apart, streamed over samples that are each decoded once.
//
// Threads: one comparison at a time. Memory: one batch, whatever the number of samples.
// Limits: CompareOptions. Errors: see compare_outputs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "proof/output_difference.h"
#include "proof/progress.h"
#include "proof/statistics.h"

namespace arete::proof {

inline constexpr std::int64_t kWeakSamples = 500;  // fewer labelled samples are weak evidence

struct CompareOptions {
  int batch = 32;               // at most, where every input's first axis is dynamic
  std::size_t max_samples = 0;  // 0: all
  // Where the first output is one score a sample: class 1 above this, class 0 elsewhere. Nothing: it names no class.
  std::optional<double> yes_above;
  // By candidate (none: false): it gets each sample by itself also where the others get a batch, because what else is
  // in a batch changes its answers.
  std::vector<bool> one_by_one;
};

// Right and wrong answers of both models on the same labelled samples.
struct PairedAccuracy {
  std::int64_t both_right = 0;
  std::int64_t only_original_right = 0;
  std::int64_t only_candidate_right = 0;
  std::int64_t both_wrong = 0;

  std::int64_t samples() const;
  double original() const;      // 0..1
  double candidate() const;     // 0..1
  double delta_points() const;  // candidate minus original, in percentage points
  Interval delta_points_interval() const;
  double p_value() const;  // McNemar, exact
  bool is_weak() const { return samples() < kWeakSamples; }
};

// One candidate against the original.
struct Agreement {
  std::int64_t samples = 0;
  // Share of samples with the same top-1 of a first output of scores (proof/top1.h); nothing for other outputs.
  std::optional<double> top1;
  // Where samples have labels and the first output is [N,C] scores, [N] class numbers or (yes_above) one score.
  std::optional<PairedAccuracy> accuracy;
  std::vector<OutputDifference> outputs;  // in the order of the original's outputs
  // Why this candidate was given up: it failed where the original ran, or its outputs do not fit.
  std::optional<Error> failure;

  // The worst float output; nothing when all float outputs are equal (or there are none).
  std::optional<double> sqnr_db() const;
  // The output of integers, bools or strings that differs most; nullptr when all of these are equal.
  const OutputDifference* worst_discrete() const;
  bool is_exact() const;  // every element of every output is the same
  // True when an output is NaN or infinite in one of the models alone.
  bool has_new_non_finite() const;
};

struct Comparison {
  std::vector<Agreement> candidates;  // in the order given
  std::int64_t samples = 0;           // that the original answered
  std::int64_t skipped = 0;           // unreadable, or refused by the original
  std::vector<std::string> errors;    // of the first few skipped ones
};

// Runs every sample through the original and all candidates. Samples that cannot be read or that
// the original refuses are skipped and counted. kInvalid when none is left, or when a label is none of the classes;
// kCancelled.
// Scores in [N,C,1,1] count as [N,C].
Result<Comparison> compare_outputs(engine::Session& original, std::span<engine::Session* const> candidates,
                                   SampleSource& samples, const CompareOptions& options, const Progress& progress = {});

}  // namespace arete::proof
