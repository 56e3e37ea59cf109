#include "serve/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <unordered_set>

#include "core/activation.h"
#include "core/check.h"
#include "serve/tensor_json.h"

namespace arete::serve {
namespace {

ClassScores score_row(std::span<double> row, Activation activation, bool two_classes) {
  ClassScores result;
  const bool numbers = std::ranges::none_of(row, [](double x) { return std::isnan(x); });
  if (numbers) activate(activation, row);
  result.scores.assign(row.begin(), row.end());
  if (two_classes && row.size() == 1) result.scores = {1 - row[0], row[0]};
  if (!numbers) return result;
  const auto best = std::ranges::max_element(result.scores);
  result.best = static_cast<std::size_t>(best - result.scores.begin());
  return result;
}

bool in_unit_range(const ClassScores& row) {
  return std::ranges::none_of(row.scores, [](double x) { return x < -1e-3 || x > 1 + 1e-3; });
}

// {rows, classes} of an output's shape.
Result<std::pair<std::size_t, std::size_t>> class_axes(const Tensor& output) {
  Shape shape = without_trailing_ones(output.shape());
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  if (shape.size() != 2 || shape[1] == 0) {
    return Error{Code::kUnsupported,
                 "the card says classification, but the output is " + describe(output) + ", not [N,classes]"};
  }
  const std::int64_t most_rows = static_cast<std::int64_t>(kMaxScores) / shape[1];
  if (most_rows == 0) {
    return Error{Code::kExhausted, "the output has more than " + std::to_string(kMaxScores) + " classes"};
  }
  if (shape[0] > most_rows) {
    return Error{Code::kExhausted, std::to_string(shape[0]) + " rows of " + std::to_string(shape[1]) +
                                       " classes are too many for one answer; send at most " +
                                       std::to_string(most_rows) + " rows at a time"};
  }
  return std::pair(static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]));
}

}  // namespace

Result<std::vector<ClassScores>> classify(const Tensor& output, Activation activation, bool two_classes) {
  ASSIGN_OR_RETURN(const auto axes, class_axes(output));
  ASSIGN_OR_RETURN(std::vector<double> values, to_doubles(output));
  std::vector<ClassScores> rows;
  rows.reserve(axes.first);
  for (std::size_t i = 0; i < axes.first; ++i) {
    rows.push_back(score_row(std::span(values).subspan(i * axes.second, axes.second), activation, two_classes));
  }
  return rows;
}

std::vector<std::string> unique_labels(const std::vector<std::string>& labels, std::size_t classes) {
  std::vector<std::string> unique;
  std::unordered_set<std::string> seen;
  unique.reserve(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    const std::string number = std::to_string(i);
    std::string label = i < labels.size() ? labels[i] : number;
    while (!seen.insert(label).second) label += " [" + number + "]";
    unique.push_back(std::move(label));
  }
  return unique;
}

Json to_json(const ClassScores& row, const std::vector<std::string>& labels) {
  CHECK(labels.size() == row.scores.size());
  Json::Object probabilities;
  probabilities.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) probabilities.emplace_back(labels[i], shortest_number(row.scores[i]));
  Json all = Json::object();
  all.as_object() = std::move(probabilities);
  Json answer = Json::object({{"prediction", Json()}, {"confidence", Json()}});
  if (row.best) {
    answer.set("prediction", labels[*row.best]);
    answer.set("confidence", shortest_number(row.scores[*row.best]));
  }
  answer.set("probabilities", std::move(all));
  if (!in_unit_range(row)) answer.set("note", "scores as the model gives them, no probabilities");
  return answer;
}

bool look_like_probabilities(const std::vector<ClassScores>& rows) {
  return std::ranges::all_of(rows, [](const ClassScores& row) {
    const double sum = std::accumulate(row.scores.begin(), row.scores.end(), 0.0);
    return in_unit_range(row) && std::abs(sum - 1) <= 1e-2;
  });
}

}  // namespace arete::serve
