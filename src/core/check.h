// CHECK(condition): stops the process when our own code is wrong. Never for user input.
// Threads: any.
#pragma once

namespace arete {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace arete

#define CHECK(condition) ((condition) ? static_cast<void>(0) : ::arete::check_failed(#condition, __FILE__, __LINE__))
