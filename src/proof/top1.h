// Top-1: the class that a classifier's first output names for each row.
// Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace arete::proof {

struct Top1 {
  std::vector<std::int64_t> classes;  // one a row; -1 where every score is NaN
  bool from_scores = false;           // [N,C] scores; otherwise the model gave class numbers
};

// For [rows,C] numbers with C >= 2 (trailing axes of 1 do not count) the first largest score of
// each row; for [rows] integers those. Nothing for any other output.
std::optional<Top1> top1_of(const Tensor& output, std::int64_t rows);

}  // namespace arete::proof
