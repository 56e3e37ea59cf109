// The pipeline: convert -> open data -> optimise graph -> quantise -> prove -> choose. Reads files, writes none
// until everything is measured; a run that is stopped leaves nothing behind.
// Threads: call from one. Errors: those of the steps, with the model's path in front.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "core/model_card.h"
#include "core/result.h"
#include "core/sample_source.h"
#include "engine/engine.h"
#include "optimize/outcome.h"
#include "optimize/target.h"
#include "os/base/files.h"

namespace arete::optimize {

struct Request {
  std::string model_path;
  std::string output_path;
  std::string report_path;  // "": no page
  std::string level = "balanced";
  std::string target = "cpu";
  Precision precision = Precision::kAuto;
  std::string calibration_path;  // DATA, "" for none
  std::string evaluation_path;
  std::size_t max_calibration_samples = 0;  // 0: all
  double max_accuracy_drop_points = 1.0;
  std::optional<bool> never_slower;  // nothing: the target's default
  std::set<std::string, std::less<>> disabled_passes;
  bool verify_passes = false;  // compare outputs after each pass; what changes them is left out
  int threads = 0;
  std::optional<ModelCard> card;  // nothing: guessed from the graph
  std::string card_path;          // where it came from, so that nothing overwrites it; "" for nowhere
};

struct Observer {
  std::function<void(const std::string& step, std::int64_t done, std::int64_t total)> progress;
  std::function<bool()> stop_requested;
};

// Runs everything and writes the model handed back, its card and the page.
Result<Outcome> optimize(const Request& request, engine::Engine& engine, const os::FileSystem& files,
                         const Observer& observer);

}  // namespace arete::optimize
