// ServedModel: one version of a model that answers: its card, its batcher, what it counts.
//
// Not for: which version answers (model_table.h), protocols.
// Threads: any. Ownership: shared and const, as requests under way keep a version that was replaced alive; its memory
// goes back with the last of them. What it counts is inside, synchronised. Borrows engine and crew.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bundle/files/open_bundle.h"
#include "core/result.h"
#include "engine/engine.h"
#include "os/base/files.h"
#include "proof/batch_check.h"
#include "proof/golden.h"
#include "serve/batcher.h"
#include "serve/crew.h"
#include "serve/model_codec.h"
#include "serve/model_places.h"
#include "serve/place_files.h"
#include "serve/statistics.h"

namespace arete::serve {

struct ServingOptions {
  std::string variant;        // of bundles; "": the first for this platform, else for any
  bundle::KeyFiles keys;      // that open sealed bundles
  int threads = 0;            // of one run; 0: all physical cores
  int max_runs = 0;           // at once; 0: as many as have threads of their own, at least 2
  std::int64_t max_rows = 8;  // of one run
  std::int64_t max_delay_ns = 0;
  std::int64_t max_wait_ns = 2'000'000'000;
  proof::Tolerance batch_tolerance = proof::kBatchTolerance;
};

// A request of one model, by any protocol.
struct ModelRequest {
  std::vector<NamedTensor> inputs;  // in any order
  int priority = kDefaultPriority;
  std::int64_t timeout_ns = 0;  // 0: none
  std::int64_t arrived_ns = 0;  // by the crew's clock
  std::int64_t decode_ns = 0;
};

class ServedModel : public std::enable_shared_from_this<ServedModel> {
 public:
  // Opens the model, puts its card to it and runs it on its golden inputs, or once on zeros. kInvalid where it does not
  // give its golden answers. Blocks.
  static Result<std::shared_ptr<const ServedModel>> open(const ModelPlace& place, const PlaceFiles& files,
                                                         engine::Engine& engine, const ServingOptions& options,
                                                         Crew& crew);
  ~ServedModel();

  const std::string& name() const { return place_.name; }
  const std::string& version() const { return place_.version; }
  const ModelPlace& place() const { return place_; }
  const std::string& engine() const { return engine_; }  // "onnxruntime 1.31.1"
  const ModelCodec& codec() const { return codec_; }
  Crew& crew() const { return crew_; }
  Batcher& batcher() const { return *batcher_; }
  ModelStatistics& statistics() const { return statistics_; }
  const ModelMetrics& metrics() const { return metrics_; }
  std::int64_t last_used_ns() const { return last_used_ns_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_; }  // that it took when it was opened, an estimate
  const std::vector<std::string>& notices() const { return notices_; }

  // Runs take so little that handing them to another thread costs more.
  bool is_quick() const;
  // kUnavailable when a request that gets here after that time would have waited too long.
  Status has_room(std::int64_t before_ns) const { return batcher_->check_wait(before_ns); }
  // `done` is called once, on this thread or a runner's.
  void infer(ModelRequest request, RunOn where, InferenceDone done) const;

  // Tries whether rows answer alike beside others and lets requests join where they do. Blocks; end_proof() ends it.
  proof::BatchVerdict prove_batches() const;
  void end_proof() const { ending_ = true; }

 private:
  ServedModel(ModelPlace place, ModelCodec codec, const ServingOptions& options, Crew& crew);
  void make_batcher(std::unique_ptr<engine::Session> session);
  Status check_golden(const PlaceFiles& files);
  void warm_up();
  // The answer as it is counted and handed on.
  InferenceDone counted(const ModelRequest& request, std::int64_t begin_ns, InferenceDone done) const;

  const ModelPlace place_;
  const ModelCodec codec_;
  const ServingOptions options_;
  Crew& crew_;
  const std::uint64_t opening_;
  const ModelMetrics metrics_;
  std::string engine_;
  std::uint64_t bytes_ = 0;
  std::vector<std::string> notices_;
  std::unique_ptr<Batcher> batcher_;
  mutable ModelStatistics statistics_;
  std::optional<const proof::Golden> golden_;
  mutable std::atomic<bool> ending_ = false;
  mutable std::atomic<std::int64_t> last_used_ns_{0};
};

}  // namespace arete::serve
