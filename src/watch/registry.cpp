#include "watch/registry.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/check.h"
#include "core/json.h"

namespace arete::watch {
namespace {

bool is_name(std::string_view text, bool colon_too) {
  const auto fits = [colon_too](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon_too && c == ':');
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, fits);
}

std::size_t count_labels(const FamilyRow& row) {
  return static_cast<std::size_t>(std::ranges::find(row.labels, "") - row.labels.begin());
}

std::string fault_of_labels(const FamilyRow& row) {
  const std::size_t count = count_labels(row);
  for (std::size_t i = 0; i < row.labels.size(); ++i) {
    const std::string_view label = row.labels[i];
    if (i >= count && !label.empty()) return "a label stands behind an empty one";
    if (i >= count) continue;
    if (!is_name(label, false) || label.starts_with("__")) return "'" + std::string(label) + "' is no label name";
    if (label == "le" && row.kind == MetricKind::kHistogram) return "'le' is the histogram's own label";
    if (std::ranges::count(row.labels, label) > 1) return "label '" + std::string(label) + "' stands twice";
  }
  return "";
}

std::string fault_of_bounds(const FamilyRow& row) {
  if (row.kind != MetricKind::kHistogram) return row.bounds.empty() ? "" : "only a histogram has bounds";
  if (row.bounds.empty() || row.bounds.size() > kMaxBounds) return "a histogram has 1 to 32 bounds";
  for (std::size_t i = 0; i < row.bounds.size(); ++i) {
    if (!std::isfinite(row.bounds[i])) return "a bound is not finite";
    if (i > 0 && row.bounds[i] <= row.bounds[i - 1]) return "the bounds do not ascend";
  }
  return "";
}

// What a label may hold: valid UTF-8 of limited length.
std::string clean(std::string_view value) {
  if (value.size() > kMaxLabelValueBytes) {
    std::size_t end = kMaxLabelValueBytes;
    while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;  // not within a character
    value = value.substr(0, end);
  }
  std::string text(value);
  if (is_utf8(text)) return text;
  std::ranges::replace_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; }, '?');
  return text;
}

template <class Metric>
auto value_of(const Metric& metric) {
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return metric.snapshot();
  } else {
    return metric.value();
  }
}

template <class Metric>
Metric& add_cell(std::deque<Metric>& cells, const FamilyRow& row) {
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return cells.emplace_back(row.bounds);
  } else {
    return cells.emplace_back();
  }
}

}  // namespace

std::string fault_of(const FamilyRow& row) {
  if (!is_name(row.name, true)) return "'" + std::string(row.name) + "' is no metric name";
  if ((row.kind == MetricKind::kCounter) != row.name.ends_with("_total"))
    return "counters, and they alone, end in _total";
  for (const std::string_view own : {"_bucket", "_count", "_sum"}) {
    if (row.name.ends_with(own)) return "a histogram's samples end in " + std::string(own);
  }
  if (row.help.empty()) return "it has no help";
  if (row.max_label_sets == 0) return "no label set may be made";
  const std::string labels = fault_of_labels(row);
  return labels.empty() ? fault_of_bounds(row) : labels;
}

template <class Metric>
Family<Metric>::Family(const FamilyRow& row) : row_(row), label_count_(count_labels(row)) {
  if (label_count_ == 0) with({});
}

template <class Metric>
Metric& Family<Metric>::with(std::span<const std::string_view> values) {
  CHECK(values.size() == label_count_);
  Values cleaned;
  cleaned.reserve(values.size());
  for (const std::string_view value : values) cleaned.push_back(clean(value));
  const std::lock_guard lock(mutex_);
  if (const auto found = sets_.find(cleaned); found != sets_.end()) return *found->second;
  if (sets_.size() < row_.max_label_sets) return place(std::move(cleaned));
  overflows_.add();
  Values other(label_count_, std::string(kOther));
  const auto found = sets_.find(other);
  return found != sets_.end() ? *found->second : place(std::move(other));
}

template <class Metric>
Metric& Family<Metric>::place(Values values) {
  Metric* cell = nullptr;
  if (free_.empty()) {
    cell = &add_cell(cells_, row_);
  } else {
    cell = free_.back();
    free_.pop_back();
    cell->reset();
  }
  sets_.emplace(std::move(values), cell);
  return *cell;
}

template <class Metric>
std::size_t Family<Metric>::remove(std::span<const Label> labels) {
  std::vector<std::pair<std::size_t, std::string>> wanted;  // where in the row, and the value
  for (const auto& [name, value] : labels) {
    const auto at = static_cast<std::size_t>(std::ranges::find(row_.labels, name) - row_.labels.begin());
    if (at >= label_count_) return 0;
    wanted.emplace_back(at, clean(value));
  }
  if (wanted.empty()) return 0;
  const std::lock_guard lock(mutex_);
  return std::erase_if(sets_, [&](const auto& set) {
    const bool goes = std::ranges::all_of(wanted, [&](const auto& one) { return set.first[one.first] == one.second; });
    if (goes) free_.push_back(set.second);
    return goes;
  });
}

template <class Metric>
FamilySnapshot Family<Metric>::snapshot() const {
  FamilySnapshot taken{row_, {}};
  const std::lock_guard lock(mutex_);
  for (const auto& [values, metric] : sets_) taken.samples.push_back({values, value_of(*metric)});
  return taken;
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

void Registry::add(std::span<const FamilyRow> rows) {
  for (const FamilyRow& row : rows) {
    CHECK(fault_of(row).empty());
    const bool is_new = places_.emplace(row.name, families_.size()).second;
    CHECK(is_new);
    switch (row.kind) {
      case MetricKind::kCounter:
        families_.emplace_back(std::make_unique<Family<Counter>>(row));
        break;
      case MetricKind::kGauge:
        families_.emplace_back(std::make_unique<Family<Gauge>>(row));
        break;
      case MetricKind::kHistogram:
        families_.emplace_back(std::make_unique<Family<Histogram>>(row));
        break;
    }
  }
}

template <class Metric>
Family<Metric>& Registry::find(std::string_view name) {
  const auto place = places_.find(name);
  CHECK(place != places_.end());
  auto* const family = std::get_if<std::unique_ptr<Family<Metric>>>(&families_[place->second]);
  CHECK(family != nullptr);
  return **family;
}
template Family<Counter>& Registry::find<Counter>(std::string_view);
template Family<Gauge>& Registry::find<Gauge>(std::string_view);
template Family<Histogram>& Registry::find<Histogram>(std::string_view);

std::size_t Registry::remove(std::initializer_list<Label> labels) {
  std::size_t removed = 0;
  const std::span<const Label> all(labels.begin(), labels.size());
  for (AnyFamily& any : families_) removed += std::visit([&](auto& family) { return family->remove(all); }, any);
  return removed;
}

std::uint64_t Registry::overflows() const {
  std::uint64_t sum = 0;
  for (const AnyFamily& any : families_) sum += std::visit([](const auto& family) { return family->overflows(); }, any);
  return sum;
}

std::vector<FamilySnapshot> Registry::snapshot() const {
  std::vector<FamilySnapshot> all;
  all.reserve(families_.size());
  for (const AnyFamily& any : families_) {
    all.push_back(std::visit([](const auto& family) { return family->snapshot(); }, any));
  }
  return all;
}

}  // namespace arete::watch
