// ONNX Runtime's error texts without the places in its source files.
// Threads: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace arete::engine {

inline constexpr std::size_t kMaxEngineWords = 600;

// Takes out "/src/x.cc:12 ns::f(int) condition was false. " and "[ONNXRuntimeError] : 1 : FAIL : ",
// and what goes past kMaxEngineWords. Any text may come in.
std::string trim_engine_words(std::string_view words);

}  // namespace arete::engine
