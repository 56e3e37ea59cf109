#include "watch/reference.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/json.h"

namespace arete::watch {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr int kMaxDepth = 8;

Error invalid(const std::string& what) { return {Code::kInvalid, "the reference: " + what}; }
Error too_many(const std::string& what, std::size_t most) {
  return {Code::kExhausted, "the reference: more than " + std::to_string(most) + " " + what};
}

// ---- Rules ----

Error breaks(const Distribution& row, const std::string& rule) {
  return invalid("'" + row.name.substr(0, kMaxFeatureNameBytes) + "': " + rule);
}

Status check_name(const std::string& name) {
  if (name.size() > kMaxFeatureNameBytes)
    return Error{Code::kExhausted, "the reference: a feature's name is over " + std::to_string(kMaxFeatureNameBytes) +
                                       " bytes: '" + name.substr(0, kMaxFeatureNameBytes) + "...'"};
  return name.empty() ? Status(invalid("a feature has no name")) : Status();
}

// What is counted must add up to the samples; nothing overflows, since no count is above them.
template <class Counts>
bool adds_up(const Counts& row, std::uint64_t samples) {
  if (row.missing > samples) return false;
  std::uint64_t sum = row.missing;
  for (const std::uint64_t count : row.counts) {
    if (count > samples) return false;
    sum += count;
  }
  return sum == samples;
}

Status check_bins(const Distribution& row) {
  if (row.edges.size() > kMaxEdges) return too_many("edges", kMaxEdges);
  if (row.counts.size() != row.edges.size() + 1) return breaks(row, "there must be one count more than edges");
  if (row.means.size() != row.counts.size()) return breaks(row, "there must be a mean for each count");
  if (!std::ranges::all_of(row.edges, is_counted)) return breaks(row, "an edge is beyond 1e150");
  if (std::ranges::adjacent_find(row.edges, std::ranges::greater_equal()) != row.edges.end())
    return breaks(row, "the edges must ascend");
  return {};
}

bool is_within(double value, double low, double high) { return low <= value && value <= high; }

// The bins' means lie in their bins, and the first and the last bin with values hold the smallest and the largest.
Status check_values(const Distribution& row) {
  std::size_t first = row.counts.size();
  std::size_t last = 0;
  for (std::size_t i = 0; i < row.counts.size(); ++i) {
    if (row.counts[i] == 0 && row.means[i] != 0) return breaks(row, "the mean of a bin without values must be 0");
    if (row.counts[i] == 0) continue;
    first = std::min(first, i);
    last = i;
    const double low = i == 0 ? row.minimum : std::max(row.minimum, row.edges[i - 1]);
    const double high = i == row.edges.size() ? row.maximum : std::min(row.maximum, row.edges[i]);
    if (!is_within(row.means[i], low, high)) return breaks(row, "the mean of a bin lies outside it");
  }
  const bool has_values = first < row.counts.size();
  if (!has_values && (row.minimum != 0 || row.maximum != 0 || row.mean != 0 || row.deviation != 0))
    return breaks(row, "without values its minimum, maximum, mean and deviation must be 0");
  if (has_values && (bin_of(row.edges, row.minimum) != first || bin_of(row.edges, row.maximum) != last))
    return breaks(row, "the minimum and the maximum must lie in the first and the last bin with values");
  return {};
}

Status check_distribution(const Distribution& row, std::uint64_t samples) {
  RETURN_IF_ERROR(check_name(row.name));
  RETURN_IF_ERROR(check_bins(row));
  if (!adds_up(row, samples)) return breaks(row, "counts and missing must add up to the samples");
  if (!is_counted(row.minimum) || !is_counted(row.maximum) || !is_within(row.mean, row.minimum, row.maximum))
    return breaks(row, "minimum <= mean <= maximum must hold, within 1e150");
  // No value is farther from the mean than the ends are from each other.
  if (!is_within(row.deviation, 0, row.maximum - row.minimum))
    return breaks(row, "the deviation must be 0 to maximum - minimum");
  return check_values(row);
}

Status check_distributions(const std::vector<Distribution>& rows, const std::string& what, std::uint64_t samples) {
  std::set<std::string_view> names;
  for (const Distribution& row : rows) {
    RETURN_IF_ERROR(check_distribution(row, samples));
    if (!names.insert(row.name).second) return invalid("two " + what + " are named '" + row.name + "'");
  }
  return {};
}

// ---- Reading ----

// The list under a key.
Result<const Json::Array*> list_of(const Json& json, std::string_view key, std::size_t most) {
  const Json* const member = json.find(key);
  if (member == nullptr || !member->is_array())
    return Error{Code::kInvalid, "\"" + std::string(key) + "\" must be a list"};
  if (member->as_array().size() > most)
    return Error{Code::kExhausted, "\"" + std::string(key) + "\" has more than " + std::to_string(most) + " elements"};
  return &member->as_array();
}

Result<std::uint64_t> count_of(const Json& json, std::string_view key) {
  if (json.is_integer() && json.as_int64() >= 0) return json.as_uint64();  // beyond 2^63 it wraps below 0
  return Error{Code::kInvalid, "\"" + std::string(key) + "\" must be a whole number from 0 to 2^63 - 1"};
}

Result<std::uint64_t> read_count(const Json& json, std::string_view key) {
  const Json* const member = json.find(key);
  return count_of(member == nullptr ? Json() : *member, key);
}

Result<std::vector<std::uint64_t>> read_counts(const Json& json, std::string_view key, std::size_t most) {
  ASSIGN_OR_RETURN(const Json::Array* const list, list_of(json, key, most));
  std::vector<std::uint64_t> counts;
  for (const Json& element : *list) {
    ASSIGN_OR_RETURN(counts.emplace_back(), count_of(element, key));
  }
  return counts;
}

Result<std::vector<double>> read_numbers(const Json& json, std::string_view key, std::size_t most) {
  ASSIGN_OR_RETURN(const Json::Array* const list, list_of(json, key, most));
  std::vector<double> numbers;
  for (const Json& element : *list) {
    if (!element.is_number()) return Error{Code::kInvalid, "\"" + std::string(key) + "\" must hold numbers alone"};
    numbers.push_back(element.as_double());
  }
  return numbers;
}

Status read_fields(const Json& json, Distribution& row) {
  ASSIGN_OR_RETURN(row.edges, read_numbers(json, "edges", kMaxEdges));
  ASSIGN_OR_RETURN(row.counts, read_counts(json, "counts", kMaxEdges + 1));
  ASSIGN_OR_RETURN(row.means, read_numbers(json, "means", kMaxEdges + 1));
  ASSIGN_OR_RETURN(row.missing, read_count(json, "missing"));
  ASSIGN_OR_RETURN(row.minimum, json.get_number("minimum"));
  ASSIGN_OR_RETURN(row.maximum, json.get_number("maximum"));
  ASSIGN_OR_RETURN(row.mean, json.get_number("mean"));
  ASSIGN_OR_RETURN(row.deviation, json.get_number("deviation"));
  return {};
}

Result<Distribution> read_distribution(const Json& json) {
  Distribution row;
  ASSIGN_OR_RETURN(row.name, json.get_string("name"));
  const Status read = read_fields(json, row);
  if (!read) return with_context(read.error(), "'" + row.name.substr(0, kMaxFeatureNameBytes) + "'");
  return row;
}

Status read_distributions(const Json& json, std::string_view key, std::vector<Distribution>& rows) {
  ASSIGN_OR_RETURN(const Json::Array* const list, list_of(json, key, kMaxFeatures));
  for (const Json& element : *list) {
    ASSIGN_OR_RETURN(rows.emplace_back(), read_distribution(element));
  }
  return {};
}

Result<Reference> read_reference(const Json& json) {
  if (!json.is_object()) return Error{Code::kInvalid, "it must be an object"};
  ASSIGN_OR_RETURN(const std::int64_t format, json.get_integer("format"));
  if (format != kFormat)
    return Error{Code::kUnsupported, "it has format " + std::to_string(format) + "; this program reads format 1"};
  Reference reference;
  ASSIGN_OR_RETURN(reference.samples, read_count(json, "samples"));
  ASSIGN_OR_RETURN(reference.predictor, json.get_string("predictor"));
  RETURN_IF_ERROR(read_distributions(json, "features", reference.features));
  if (json.find("outputs") != nullptr) RETURN_IF_ERROR(read_distributions(json, "outputs", reference.outputs));
  if (const Json* const classes = json.find("classes")) {
    reference.classes.emplace();
    ASSIGN_OR_RETURN(reference.classes->counts, read_counts(*classes, "counts", kMaxClasses));
    ASSIGN_OR_RETURN(reference.classes->missing, read_count(*classes, "missing"));
  }
  if (const Json* const confidence = json.find("confidence")) {
    ASSIGN_OR_RETURN(reference.confidence, read_distribution(*confidence));
  }
  return reference;
}

// ---- Writing ----

template <class Number>
Json list_json(const std::vector<Number>& numbers) {
  Json list = Json::array();
  for (const Number number : numbers) list.push_back(number);
  return list;
}

Json distribution_json(const Distribution& row) {
  return Json::object({{"name", row.name},
                       {"edges", list_json(row.edges)},
                       {"counts", list_json(row.counts)},
                       {"means", list_json(row.means)},
                       {"missing", row.missing},
                       {"minimum", row.minimum},
                       {"maximum", row.maximum},
                       {"mean", row.mean},
                       {"deviation", row.deviation}});
}

Json distributions_json(const std::vector<Distribution>& rows) {
  Json list = Json::array();
  for (const Distribution& row : rows) list.push_back(distribution_json(row));
  return list;
}

}  // namespace

bool is_counted(double value) { return std::abs(value) <= kLargestValue; }

std::size_t bin_of(std::span<const double> edges, double value) {
  return static_cast<std::size_t>(std::ranges::lower_bound(edges, value) - edges.begin());
}

Result<Reference> parse_reference(std::string_view text) {
  const Result<Json> json = Json::parse(text, {kMaxReferenceBytes, kMaxDepth});
  if (!json) return with_context(json.error(), "the reference");
  Result<Reference> reference = read_reference(*json);
  if (!reference) return with_context(std::move(reference).error(), "the reference");
  RETURN_IF_ERROR(check_reference(*reference));
  return reference;
}

Status check_reference(const Reference& reference) {
  if (reference.samples == 0 || reference.samples > kMaxReferenceSamples)
    return invalid("there must be 1 to " + std::to_string(kMaxReferenceSamples) + " samples");
  if (reference.features.size() + reference.outputs.size() > kMaxFeatures)
    return too_many("features and outputs", kMaxFeatures);
  RETURN_IF_ERROR(check_distributions(reference.features, "features", reference.samples));
  RETURN_IF_ERROR(check_distributions(reference.outputs, "outputs", reference.samples));
  if (reference.classes && reference.classes->counts.size() > kMaxClasses) return too_many("classes", kMaxClasses);
  if (reference.classes && !adds_up(*reference.classes, reference.samples))
    return invalid("the classes' counts and missing must add up to the samples");
  return reference.confidence ? check_distribution(*reference.confidence, reference.samples) : Status();
}

std::string write_reference(const Reference& reference) {
  Json json = Json::object({{"format", kFormat},
                            {"samples", reference.samples},
                            {"predictor", reference.predictor},
                            {"features", distributions_json(reference.features)}});
  if (!reference.outputs.empty()) json.set("outputs", distributions_json(reference.outputs));
  if (reference.classes)
    json.set("classes",
             Json::object({{"counts", list_json(reference.classes->counts)}, {"missing", reference.classes->missing}}));
  if (reference.confidence) json.set("confidence", distribution_json(*reference.confidence));
  return json.dump();
}

}  // namespace arete::watch
