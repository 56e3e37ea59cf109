// Builds the variants of a model that a target asks for: graph work and calibration, no measuring.
// Threads: call from one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "graph/model.h"
#include "optimize/target.h"
#include "tune/calibrate.h"

namespace arete::optimize {

struct Candidate {
  std::string name;
  std::string precision;
  std::string bytes;  // the .onnx file; empty when it could not be built
  std::uint64_t weight_bytes = 0;
  std::uint64_t scale_bytes = 0;
  std::string left_out;         // why it was not built or may not be chosen; empty: a real candidate
  bool one_by_one = false;      // what else is in a batch changes its answers: proof gives it single samples
  bool reference_only = false;  // a row to learn from (freeze), never handed back
};

struct CandidateRequest {
  const TargetRow& target;
  Precision precision = Precision::kAuto;
  SampleSource* calibration = nullptr;  // optional
  int threads = 0;                      // of the engine while it calibrates; 0: all physical cores
  tune::CalibrateOptions calibrate;
};

struct CandidateSet {
  std::vector<Candidate> candidates;
  std::size_t calibration_samples = 0;
  std::size_t calibration_skipped = 0;
  std::vector<std::string> calibration_reasons;
};

// `model` is the graph after its passes. An error only when calibration itself cannot go on
// (cancelled, NaN in the samples); a variant that the model does not allow is listed with its reason.
Result<CandidateSet> build_candidates(const graph::Model& model, engine::Engine& engine,
                                      const CandidateRequest& request);

// One candidate from a finished graph.
Candidate make_candidate(std::string name, std::string precision, const graph::Model& model);

}  // namespace arete::optimize
