// Where the sources and the real data lie.
#pragma once

#include <cstdlib>
#include <string>

namespace arete::test {

// The folder of real models and recordings, or "" where it is not given (then skip with "SKIP: no data").
inline std::string data_folder() {
  const char* folder = std::getenv("ARETE_DATA");
  return folder == nullptr ? "" : folder;
}

inline std::string source_path(const std::string& relative) { return std::string(ARETE_SOURCE_DIR) + "/" + relative; }

}  // namespace arete::test
