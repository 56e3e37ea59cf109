// What a build with sanitizers cannot do.
#pragma once

namespace arete::test {

// These sanitizers end the process where std::bad_alloc would be thrown.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kThrowsBadAlloc = false;
#else
inline constexpr bool kThrowsBadAlloc = true;
#endif

}  // namespace arete::test
