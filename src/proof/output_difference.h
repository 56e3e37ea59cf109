// OutputDifference: how far one output of two models is apart, accumulated over many runs.
//
// Arithmetic only; runs nothing. Threads: one at a time. Memory: flat in the number of runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/tensor.h"

namespace arete::proof {

// Signal-to-quantisation-noise ratios are kept within these bounds, in decibels.
inline constexpr double kMaxSqnrDb = 200;

// Outputs of these are numbers that may round; all others are exact.
bool is_float_dtype(DType dtype);

class OutputDifference {
 public:
  explicit OutputDifference(std::string name) : name_(std::move(name)) {}

  // Takes the same output of both models for the same inputs. kInvalid when the shapes differ or
  // the dtypes cannot be compared. Strings, complex numbers and 8-bit floats are only counted as
  // equal or not.
  Status add(const Tensor& original, const Tensor& candidate);

  const std::string& name() const { return name_; }
  bool is_float() const { return is_float_; }  // of the original
  std::int64_t elements() const { return elements_; }
  // Share of elements with the same value, 0..1; 1 without elements. Two NaNs are the same.
  double equal_fraction() const;
  bool is_exact() const { return equal_ == elements_; }
  double max_abs_difference() const { return max_abs_difference_; }  // of finite elements
  // 10 log10(sum x^2 / sum (x - y)^2) over the elements that are finite in both. Nothing when all
  // those are equal, and for outputs that are no floats.
  std::optional<double> sqnr_db() const;
  // Elements that are NaN or infinite in one model alone.
  std::int64_t only_original_finite() const { return only_original_finite_; }
  std::int64_t only_candidate_finite() const { return only_candidate_finite_; }

 private:
  Status add_numbers(const Tensor& original, const Tensor& candidate);
  void add_number(double original, double candidate);

  std::string name_;
  bool is_float_ = false;
  std::int64_t elements_ = 0;
  std::int64_t equal_ = 0;
  std::int64_t only_original_finite_ = 0;
  std::int64_t only_candidate_finite_ = 0;
  double signal_ = 0;
  double noise_ = 0;
  double max_abs_difference_ = 0;
};

}  // namespace arete::proof
