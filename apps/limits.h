// --time-limit and --memory-limit: what a verb may take, so that a hostile model ends with an exit status like others.
// Not for: `arete info`, whose cost follows from the file's size (graph/onnx_io.h).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/result.h"
#include "os/base/limits.h"

namespace arete::apps {

struct Limits {
  double time_s = 0;                          // 0: none
  std::optional<std::uint64_t> memory_bytes;  // nothing: the verb's own; 0: none
};

// `own`: words on what --memory-limit is where nobody gives it.
void add_memory_limit(CLI::App& app, Limits& limits, const char* own);
void add_time_limit(CLI::App& app, Limits& limits);

// Ends the process with the status of Code::kTimeout. Nothing without --time-limit.
std::unique_ptr<os::TimeLimit> start_time_limit(const Limits& limits);
// own_bytes: the limit where the options give none; 0: none.
Status limit_memory(const Limits& limits, std::uint64_t own_bytes);
// The error, and where memory ran out, how to give more.
Error explain_memory(Error error, const Limits& limits, std::uint64_t own_bytes);

}  // namespace arete::apps
