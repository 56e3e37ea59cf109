#include "watch/prometheus.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace arete::watch {
namespace {

constexpr FamilyRow kRefused{.name = "arete_metrics_label_sets_refused_total",
                             .kind = MetricKind::kCounter,
                             .help = "Label sets beyond a family's limit, counted as \"other\"."};

std::string_view kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void append_escaped(std::string& text, std::string_view raw, bool quotes_too) {
  for (const char c : raw) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\\' || (c == '"' && quotes_too)) {
      text += '\\';
      text += c;
    } else {
      text += c;
    }
  }
}

std::string number(std::uint64_t value) { return std::to_string(value); }

// The shortest digits that give the same number back.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

class Writer {
 public:
  std::string take() && { return std::move(text_); }

  void family(const FamilySnapshot& family) {
    row_ = family.row;
    text_ += "# HELP ";
    text_ += row_.name;
    text_ += ' ';
    append_escaped(text_, row_.help, false);
    text_ += "\n# TYPE ";
    text_ += row_.name;
    text_ += ' ';
    text_ += kind_name(row_.kind);
    text_ += '\n';
    for (const SampleSnapshot& sample : family.samples) {
      std::visit([&](const auto& value) { write(sample, value); }, sample.value);
    }
  }

 private:
  template <class Number>
  void write(const SampleSnapshot& sample, const Number& value) {
    line("", sample, "", number(value));
  }

  void write(const SampleSnapshot& sample, const HistogramSnapshot& histogram) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
      below += histogram.counts[i];
      line("_bucket", sample, number(histogram.bounds[i]), number(below));
    }
    line("_bucket", sample, "+Inf", number(histogram.count));
    line("_sum", sample, "", number(histogram.sum));
    line("_count", sample, "", number(histogram.count));
  }

  // `bound`: the label le, "" for none.
  void line(std::string_view suffix, const SampleSnapshot& sample, std::string_view bound, const std::string& value) {
    text_ += row_.name;
    text_ += suffix;
    char before = '{';
    for (std::size_t i = 0; i < sample.labels.size(); ++i) label(before, row_.labels[i], sample.labels[i]);
    if (!bound.empty()) label(before, "le", bound);
    if (before == ',') text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
  }

  void label(char& before, std::string_view name, std::string_view value) {
    text_ += before;
    before = ',';
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
  }

  FamilyRow row_;
  std::string text_;
};

}  // namespace

std::string prometheus_text(const Registry& registry) {
  Writer writer;
  for (const FamilySnapshot& family : registry.snapshot()) writer.family(family);
  writer.family({kRefused, {{{}, registry.overflows()}}});
  return std::move(writer).take();
}

}  // namespace arete::watch
