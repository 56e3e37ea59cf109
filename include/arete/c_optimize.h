// Arete in C, the workbench: what a model holds (arete_info_read), and making it smaller and faster (arete_optimize).
// Needs libarete; c.h alone is enough for libarete-run, which runs models and has none of this.
//
// Not for: running a model (c.h).
// Threads: arete_info_read may be called from several threads. One arete_optimize at a time in a process: it measures
// latency, so whatever else runs on the machine is measured too. Ownership, errors and texts: as c.h says. The structs
// that are handed out are made by the library alone and gain members only at their end.
#pragma once

#include "arete/c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct arete_info {
  const arete_value* const* inputs;
  size_t input_count;
  const arete_value* const* outputs;
  size_t output_count;
  const char* const* op_names;  // "Conv", or "domain.Op" for what is not ONNX's own
  const int64_t* op_counts;
  size_t op_count;
  int64_t opset;
  int64_t nodes;
  int64_t parameters;   // elements of all weights
  uint64_t size_bytes;  // of the file and of what its weights take of files beside it
  uint64_t weight_bytes;
  int64_t macs;         // multiply-accumulates of one inference, dynamic axes taken as 1; -1: a shape is not known
  const char* warning;  // what the official ONNX checker says against the model; "" when it agrees
  const char* json;     // the object of `arete info --json`
} arete_info;

// Reads and verifies an .onnx without running it.
ARETE_API ARETE_MUST_USE arete_status* arete_info_read(const char* path, arete_info** info) ARETE_NOEXCEPT;
ARETE_API void arete_info_free(arete_info* info) ARETE_NOEXCEPT;

// What to make of which model. Start from ARETE_OPTIMIZE_REQUEST_INIT and set the two paths; texts that stay NULL take
// the value in brackets. `arete optimize --help` and README say more about each.
typedef struct arete_optimize_request {
  size_t struct_size;                  // sizeof(arete_optimize_request): tells the library which members there are
  const char* model_path;              // an .onnx file
  const char* output_path;             // the model handed back; its card goes beside it
  const char* report_path;             // an HTML page [none]
  const char* card_path;               // how images and records become inputs [NAME.card.json beside the model]
  const char* calibration_path;        // DATA for static int8: folder of class folders, .npz or .csv [none]
  const char* evaluation_path;         // DATA with labels, other samples than those [none]
  const char* target;                  // cpu: fastest here; mobile, iot, browser: smallest [cpu]
  const char* level;                   // graph passes: fast, balanced, aggressive [balanced]
  const char* precision;               // auto, fp32, int8 [auto]
  uint64_t max_calibration_samples;    // 0: all
  double max_accuracy_drop_points;     // percentage points that a variant may lose, 0 to 100
  int32_t never_slower;                // 1, 0, or -1 for the target's default
  int32_t threads;                     // 0: all physical cores
  const char* const* disabled_passes;  // names of graph passes to leave out
  size_t disabled_pass_count;
  int32_t verify_passes;  // not 0: compare outputs after each pass, leave out the rewrites that change them
  const char* engine;     // as in arete_model_options
  const char* engine_library;
  // Called by arete_optimize in its own thread, often: total is 0 where it is not known. May be NULL.
  void (*progress)(void* context, const char* step, int64_t done, int64_t total);
  // Asked often in the same thread: not 0 ends the work with ARETE_CANCELLED. May be NULL.
  int32_t (*stop_requested)(void* context);
  void* context;
} arete_optimize_request;
// clang-format off
#define ARETE_OPTIMIZE_REQUEST_INIT                                                                                \
  {sizeof(arete_optimize_request), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1.0, -1, 0, NULL, 0, 0, \
   NULL, NULL, NULL, NULL, NULL}
// clang-format on

// One way to store and compute the model, built and judged. NaN for a number that was not measured.
typedef struct arete_variant {
  const char* name;       // "int8 static per-channel"
  const char* precision;  // "int8"
  const char* why;        // why it was chosen or left out
  int32_t chosen;         // 1 for the one handed back
  uint64_t size_bytes;    // of the file
  double latency_ms_p50;
  double speedup;                // of the original's latency by this one's, paired
  double accuracy;               // 0 to 1, where there are labels
  double accuracy_delta_points;  // percentage points against the original; negative: it lost
  double agreement;              // 0 to 1: same answer as the original
  double sqnr_db;                // outputs against the original's
} arete_variant;

typedef struct arete_outcome {
  int32_t success;      // 0: the work ran and no variant is better; the original was handed back
  const char* verdict;  // one sentence
  const char* model_path;
  const arete_variant* original;
  const arete_variant* const* variants;
  size_t variant_count;
  const char* json;  // the object of `arete optimize --json`: intervals, control, passes, notes
} arete_outcome;

// Runs the whole pipeline, which takes seconds to minutes, and writes model, card and report: all of them or, after an
// error, none. ARETE_INVALID also where a path to write is one that is read.
ARETE_API ARETE_MUST_USE arete_status* arete_optimize(const arete_optimize_request* request,
                                                      arete_outcome** outcome) ARETE_NOEXCEPT;
ARETE_API void arete_outcome_free(arete_outcome* outcome) ARETE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
