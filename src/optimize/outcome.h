// Outcome: what `arete optimize` tried, measured and chose. The report page and --json are made of it.
// Threads: a value. Format: docs/formats/report.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/model_card.h"
#include "optimize/target.h"
#include "pass/runner.h"
#include "proof/report.h"

namespace arete::optimize {

// One variant beside the original.
struct Variant {
  std::string name;
  std::string precision;
  std::uint64_t bytes = 0;              // of the file
  std::uint64_t weight_bytes = 0;       // of them weights and biases,
  std::uint64_t scale_bytes = 0;        // scales and zero points; the rest is structure
  bool reference_only = false;          // a row to learn from (freeze), never handed back
  bool is_original = false;             // the original's graph again: neither faster nor slower
  std::optional<proof::Report> report;  // nothing when it was left out before measuring
  bool chosen = false;
  std::string why;  // why it was chosen or left out, in words
};

struct Outcome {
  std::string model_name;  // the input's stem
  std::string target;
  std::string level;
  Objective objective = Objective::kLatency;
  double max_accuracy_drop_points = 1.0;

  proof::Device device;
  std::string original_precision;
  std::uint64_t original_bytes = 0;
  std::uint64_t original_weight_bytes = 0;
  std::vector<std::string> frozen_inputs;
  std::vector<pass::PassReport> passes;
  std::size_t passes_compared_on = 0;      // inputs; 0: not compared
  std::vector<Variant> variants;           // without the original
  std::optional<proof::Measured> control;  // the original against itself
  std::string evidence;                    // "10000 labelled samples of test/"
  bool weak_evidence = false;
  std::size_t calibration_samples = 0;
  std::vector<std::string> notes;  // skipped samples and their reasons, what was assumed

  std::optional<std::size_t> chosen;  // index into variants; nothing: the original is handed back
  bool success = false;
  bool slower = false;
  std::string verdict;  // one sentence
  std::vector<std::string> steps_completed;
  ModelCard card;  // of the model handed back
  std::string optimized_model_path;
};

// The object of `arete optimize --json`; with_samples adds the latency samples for the page's pictures.
Json to_json(const Outcome& outcome, bool with_samples);

}  // namespace arete::optimize
