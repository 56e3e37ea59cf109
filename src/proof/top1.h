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
  bool from_scores = false;           // otherwise the model gave class numbers
  std::int64_t count = 0;             // of the classes; 0: not known
};

// For [rows,C] floats or 8-bit integers with C >= 2 (trailing axes of 1 do not count) the first largest score of
// each row; for [rows] integers those; for [rows,1] or [rows] floats, where `yes_above` is given,
// class 1 above it and class 0 elsewhere. Nothing for any other output.
std::optional<Top1> top1_of(const Tensor& output, std::int64_t rows, std::optional<double> yes_above = {});

}  // namespace arete::proof
