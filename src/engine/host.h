// Host: the few facts about this machine that an engine asks for, so that an engine's own folder
// holds nothing but the engine.
//
// Threads: pure functions of the machine.
#pragma once

#include "core/result.h"

namespace arete::engine {

inline constexpr int kMaxThreads = 1024;

// SessionOptions::threads as a number of threads: 0 means all physical cores that this process may
// use. kInvalid for negative numbers and above kMaxThreads.
Result<int> resolve_threads(int threads);

// False where the widest int8 multiplication of the CPU adds pairs of products in 16 bits, which
// saturate (x86 without VNNI): an engine must then avoid it or lose accuracy.
bool has_exact_int8_products();

// Hands memory that was freed back to the system; costs microseconds after little work and milliseconds after much.
void return_freed_memory();

}  // namespace arete::engine
