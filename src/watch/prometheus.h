// The text in which Prometheus reads metrics: a pure function of a Registry at one moment.
//
// Not for: OpenMetrics (no # EOF, no units), exemplars, timestamps. Threads: any.
// Spec: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
#pragma once

#include <string>
#include <string_view>

#include "watch/registry.h"

namespace arete::watch {

inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

// Families in the order of their rows, label sets in the order of their values; HELP and TYPE also of families that
// have no label set yet; at the end arete_metrics_label_sets_refused_total, which says Registry::overflows(). UTF-8,
// LF.
std::string prometheus_text(const Registry& registry);

}  // namespace arete::watch
