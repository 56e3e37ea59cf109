// Whether one output of two models is the same within a tolerance: the question of passes that must not
// change answers, of batching, of golden outputs.
// Not for: how far two models are apart over many samples (output_difference.h).
// Threads: pure.
#pragma once

#include <string>

#include "core/result.h"
#include "core/tensor.h"

namespace arete::proof {

// An element x may become y where |x - y| <= of_element * |x| + of_largest * max|x| + absolute; max over the
// finite elements of the output. All zero: bit for bit, but for which NaN it is.
struct Tolerance {
  double of_element = 0;
  double of_largest = 0;
  double absolute = 0;

  bool is_exact() const { return of_element == 0 && of_largest == 0 && absolute == 0; }
};

// kInvalid with the output's name, the place and both values of the worst element. The tolerance is for floats;
// what is infinite or NaN must be so in both, and everything else must be equal.
Status check_match(const std::string& name, const Tensor& original, const Tensor& candidate,
                   const Tolerance& tolerance);

}  // namespace arete::proof
