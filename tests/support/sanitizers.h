// What a build with sanitizers cannot do, or not as often.
#pragma once

namespace arete::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

// They end the process where std::bad_alloc would be thrown.
inline constexpr bool kThrowsBadAlloc = !kSanitized;

}  // namespace arete::test
