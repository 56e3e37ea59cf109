// From a model's raw output to classes with probabilities.
//
// Threads: pure functions. Not for: detection, regression; those leave as plain tensors.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/model_card.h"
#include "core/result.h"
#include "core/tensor.h"

namespace arete::serve {

// Rows by classes of one answer: each score takes some 200 bytes, a row 500, until the answer is text.
inline constexpr std::size_t kMaxScores = 200'000;

// One example: a score a class, and the class with the highest one (the first of equals); nothing
// when a score is not a number.
struct ClassScores {
  std::vector<double> scores;
  std::optional<std::size_t> best;
};

// [N,C] (trailing axes of size 1 are dropped), [C] as one example, -> N rows. The activation is
// applied stably: softmax over each row, sigmoid on each value, none leaves values as they are.
// `two_classes`: one value p a row stands for the classes (1-p, p), as binary classifiers give it.
// kUnsupported for other shapes, kExhausted over kMaxScores, errors of to_doubles.
Result<std::vector<ClassScores>> classify(const Tensor& output, Activation activation, bool two_classes);

// One name a class, in order and each unique, as JSON keys must be: the second "crane" of ImageNet
// becomes "crane [517]". Classes without a label are named by their number.
std::vector<std::string> unique_labels(const std::vector<std::string>& labels, std::size_t classes);

// {"prediction": label, "confidence": p, "probabilities": {label: p, ...}}, in label order.
// Scores outside 0..1 come with a "note" that says that they are none. Without a best class prediction and confidence
// are null. labels.size() must be scores.size().
Json to_json(const ClassScores& row, const std::vector<std::string>& labels);

// True when each row is in 0..1 and sums to 1 (within 1e-2).
bool look_like_probabilities(const std::vector<ClassScores>& rows);

}  // namespace arete::serve
