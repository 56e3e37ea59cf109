// What this process and machine look like: time, memory, cores, signals.
//
// Threads: all thread-safe. Clock is an interface so that tests can move time by hand.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace arete::os {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_ns() const = 0;  // monotonic, for durations
};
const Clock& real_clock();

// Physical cores that this process may use (affinity and cgroup quota taken into account), at least 1.
int physical_cores();
// "AMD EPYC 7B13 (AVX2)": the model name and the widest of AVX2, AVX-512, VNNI, for reports.
std::string cpu_description();
// "x86_64-linux": the processor and the system, as bundles name them.
std::string platform();
// True when the CPU multiplies int8 without saturating 16-bit sums (VNNI, or ARM's SDOT).
bool has_int8_dot_product();

std::uint64_t resident_bytes();       // now (VmRSS)
std::uint64_t peak_resident_bytes();  // most so far (VmHWM)
std::uint64_t private_bytes();        // asked for, touched or not (VmData)
// Memory that the machine can give without swapping (MemAvailable); 0 where it does not say.
std::uint64_t available_bytes();
// Hands memory that was freed back to the system: what one large request took would stay ours else. Takes milliseconds.
void return_freed_memory();

// Full path of the running program.
Result<std::string> program_path();

// From now on SIGINT and SIGTERM only set a flag that stop_requested() reads; a second SIGINT ends
// the process at once. wait_for_stop() blocks until then.
void catch_stop_signals();
bool stop_requested();
void wait_for_stop();
// From now on a write beyond the process's file size limit is an error and no signal.
void ignore_size_signal();

// Replaces this process; returns only on failure.
Status replace_process(const std::string& program, int argc, char** argv);

// True when the stream (1 or 2) is a terminal that a person looks at.
bool is_terminal(int stream);

}  // namespace arete::os
