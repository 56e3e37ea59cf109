#include "core/check.h"

#include <cstdlib>
#include <iostream>

namespace arete {

void check_failed(const char* condition, const char* file, int line) {
  std::cerr << "arete: bug: " << condition << " is false at " << file << ":" << line << "\n";
  std::abort();
}

}  // namespace arete
