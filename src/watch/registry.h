// Registry: families of metrics under their names, each with label sets, as Prometheus has them.
//
// The families are rows of an explicit table that the program hands in: a new metric is one row, and one function that
// counts. Not for: values that are only text, and labels that anybody outside may choose freely.
// Threads: every call may come from any thread, but for add(), which comes before the threads. with() takes a lock:
// callers keep the reference and count through it without one.
// Ownership: the caller owns the Registry; rows (their names and bounds) must outlive it. A reference lives as long as
// the Registry. After remove() it still may be counted into, but its number then is lost or, once another label set
// took its place, counted there: whoever removes a label set ends counting first. Limits: kMaxLabels labels,
// FamilyRow::max_label_sets sets a family and one more named "other", that takes what goes beyond (overflows() says how
// often); a label value is cut at kMaxLabelValueBytes. Spec: prometheus.io/docs/practices/naming, and the exposition
// format's rules for names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "watch/metrics.h"

namespace arete::watch {

inline constexpr std::size_t kMaxLabels = 6;
inline constexpr std::size_t kMaxLabelValueBytes = 200;
inline constexpr std::size_t kDefaultLabelSets = 200;
inline constexpr std::string_view kOther = "other";

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

struct FamilyRow {
  std::string_view name;  // arete_infer_duration_seconds; counters end in _total
  MetricKind kind = MetricKind::kCounter;
  std::string_view help;                                 // one sentence
  std::array<std::string_view, kMaxLabels> labels = {};  // names; "" from the first that is not used
  std::span<const double> bounds = {};                   // of a histogram
  std::size_t max_label_sets = kDefaultLabelSets;
};

// What is wrong with a row; empty where nothing is. Registry CHECKs it.
std::string fault_of(const FamilyRow& row);

// Label names and values of one set, for remove().
using Label = std::pair<std::string_view, std::string_view>;

// One label set at one moment.
struct SampleSnapshot {
  std::vector<std::string> labels = {};  // values, in the order of the row's names
  std::variant<std::uint64_t, double, HistogramSnapshot> value = std::uint64_t{0};
};
struct FamilySnapshot {
  FamilyRow row = {};
  std::vector<SampleSnapshot> samples = {};  // in the order of their label values
};

// The label sets of one family.
template <class Metric>
class Family {
 public:
  explicit Family(const FamilyRow& row);
  // The metric of these label values, one for each name of the row, in its order; made when it is new. UTF-8 (other
  // bytes become '?').
  Metric& with(std::initializer_list<std::string_view> values) {
    return with(std::span(values.begin(), values.size()));
  }
  Metric& with(std::span<const std::string_view> values);
  // Takes the label sets away that have all of these labels; returns how many. None where a name is not of this family.
  std::size_t remove(std::span<const Label> labels);
  FamilySnapshot snapshot() const;
  const FamilyRow& row() const { return row_; }
  std::uint64_t overflows() const { return overflows_.value(); }

 private:
  using Values = std::vector<std::string>;

  Metric& place(Values values);

  const FamilyRow row_;
  std::size_t label_count_ = 0;
  mutable std::mutex mutex_;
  std::deque<Metric> cells_;  // never shrinks, so that references stay good
  std::vector<Metric*> free_;
  std::map<Values, Metric*> sets_;
  Counter overflows_;
};
extern template class Family<Counter>;
extern template class Family<Gauge>;
extern template class Family<Histogram>;

class Registry {
 public:
  explicit Registry(std::span<const FamilyRow> rows = {}) { add(rows); }
  // More families, of another table. A family without labels is there at once, with 0. CHECKs rows and double names.
  void add(std::span<const FamilyRow> rows);

  // The family of that name. CHECKs that it is there and of that kind: names are those of the program's own table.
  Family<Counter>& counters(std::string_view name) { return find<Counter>(name); }
  Family<Gauge>& gauges(std::string_view name) { return find<Gauge>(name); }
  Family<Histogram>& histograms(std::string_view name) { return find<Histogram>(name); }

  // remove() of every family, for a model that was unloaded: remove({{"model", "digits"}, {"version", "3"}}).
  std::size_t remove(std::initializer_list<Label> labels);
  // How often with() had to answer with the set "other".
  std::uint64_t overflows() const;
  // In the order of the rows.
  std::vector<FamilySnapshot> snapshot() const;

 private:
  using AnyFamily = std::variant<std::unique_ptr<Family<Counter>>, std::unique_ptr<Family<Gauge>>,
                                 std::unique_ptr<Family<Histogram>>>;

  template <class Metric>
  Family<Metric>& find(std::string_view name);

  std::vector<AnyFamily> families_;
  std::map<std::string_view, std::size_t> places_;
};

}  // namespace arete::watch
