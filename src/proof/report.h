// Report: what a model does on this device, next to the model that it came from.
//
// A value: the same on the workbench, at a server's warm-up and at a device's gate. Not for: how it
// looks to a person (optimize's HTML page), or which model wins (the caller's objective).
// Threads: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/json.h"
#include "proof/accuracy.h"
#include "proof/latency.h"

namespace arete::proof {

// Where and with what was measured.
struct Device {
  std::string cpu;  // os::cpu_description()
  std::string engine;
  std::string engine_version;
  int threads = 0;
};

struct ModelFacts {
  std::string name;
  std::uint64_t bytes = 0;  // of all its files
  double load_ms = 0;
  std::int64_t resident_growth_bytes = 0;
};

struct Report {
  Device device;
  ModelFacts original;
  ModelFacts candidate;
  Measured latency;
  // The original against itself, the same way at the same time: how much to believe `latency`.
  std::optional<Measured> control;
  Agreement agreement;
  std::int64_t skipped_samples = 0;
};

// 0..1: what the candidate saves of the original's bytes; negative when it is larger.
double size_reduction(const Report& report);
// True when the control was measured and is too noisy for a verdict on latency.
bool is_too_noisy(const Report& report);

// Numbers that there are none of are null. Milliseconds, bytes, 0..1 and percentage points, as the
// members are called.
Json to_json(const Report& report);
Json to_json(const Measured& measured, bool with_samples);
Json to_json(const Agreement& agreement);
Json to_json(const Interval& interval);  // [low, high]

}  // namespace arete::proof
