#include "serve/metrics.h"

#include <array>

#include "watch/prometheus.h"

namespace arete::serve {
namespace {

using watch::FamilyRow;
using watch::MetricKind;

constexpr std::array<FamilyRow, 15> kFamilies = {{
    {.name = "arete_build_info",
     .kind = MetricKind::kGauge,
     .help = "The version that runs, always 1.",
     .labels = {"version"}},
    {.name = "arete_infer_requests_total",
     .help = "Requests for an answer, by what became of them.",
     .labels = {"model", "version", "protocol", "code"}},
    {.name = "arete_infer_duration_seconds",
     .kind = MetricKind::kHistogram,
     .help = "From the request to its answer, for requests that were answered.",
     .labels = {"model", "version"},
     .bounds = watch::kSecondsBounds},
    {.name = "arete_infer_queue_seconds",
     .kind = MetricKind::kHistogram,
     .help = "How long requests waited for a run.",
     .labels = {"model", "version"},
     .bounds = watch::kSecondsBounds},
    {.name = "arete_infer_compute_seconds",
     .kind = MetricKind::kHistogram,
     .help = "Time of a run in the engine.",
     .labels = {"model", "version"},
     .bounds = watch::kSecondsBounds},
    {.name = "arete_infer_batch_rows",
     .kind = MetricKind::kHistogram,
     .help = "Rows of a run.",
     .labels = {"model", "version"},
     .bounds = watch::kBatchBounds},
    {.name = "arete_cache_hits_total",
     .help = "Requests that were answered from the cache, or by a like request that was under way.",
     .labels = {"model", "version"}},
    {.name = "arete_cache_misses_total",
     .help = "Requests that the cache could not answer.",
     .labels = {"model", "version"}},
    {.name = "arete_shadow_answers_total",
     .help = "Answers of a shadow version beside those that were given.",
     .labels = {"model", "version", "answer"}},
    {.name = "arete_http_requests_total", .help = "Exchanges at the door.", .labels = {"route", "method", "code"}},
    {.name = "arete_http_duration_seconds",
     .kind = MetricKind::kHistogram,
     .help = "From the first byte of a request to the last of its answer.",
     .labels = {"route"},
     .bounds = watch::kSecondsBounds},
    {.name = "arete_http_bytes_total", .help = "Bytes of requests and answers.", .labels = {"direction"}},
    {.name = "arete_models_ready", .kind = MetricKind::kGauge, .help = "Versions of models that can answer."},
    {.name = "arete_model_memory_bytes",
     .kind = MetricKind::kGauge,
     .help = "What the models that can answer take, as measured when they were opened."},
    {.name = "arete_model_loads_total", .help = "Loads and unloads of models.", .labels = {"outcome"}},
}};

}  // namespace

std::string_view name_of(ProtocolKind protocol) {
  constexpr std::array<std::string_view, kProtocols> kNames = {"predict", "v2", "grpc"};
  return kNames[static_cast<std::size_t>(protocol)];
}

ServeMetrics::ServeMetrics()
    : registry_(kFamilies),
      bytes_in_(registry_.counters("arete_http_bytes_total").with({"in"})),
      bytes_out_(registry_.counters("arete_http_bytes_total").with({"out"})) {}

ModelMetrics ServeMetrics::of_model(const std::string& name, const std::string& version) {
  const std::lock_guard lock(mutex_);
  ++openings_[{name, version}];
  watch::Family<watch::Counter>& answers = registry_.counters("arete_infer_requests_total");
  return {.duration = registry_.histograms("arete_infer_duration_seconds").with({name, version}),
          .queue = registry_.histograms("arete_infer_queue_seconds").with({name, version}),
          .compute = registry_.histograms("arete_infer_compute_seconds").with({name, version}),
          .rows = registry_.histograms("arete_infer_batch_rows").with({name, version}),
          .answered = {&answers.with({name, version, name_of(ProtocolKind::kPredict), "200"}),
                       &answers.with({name, version, name_of(ProtocolKind::kV2), "200"}),
                       &answers.with({name, version, name_of(ProtocolKind::kGrpc), "200"})},
          .cache_hits = registry_.counters("arete_cache_hits_total").with({name, version}),
          .cache_misses = registry_.counters("arete_cache_misses_total").with({name, version}),
          .shadow_same = registry_.counters("arete_shadow_answers_total").with({name, version, "same"}),
          .shadow_different = registry_.counters("arete_shadow_answers_total").with({name, version, "different"})};
}

void ServeMetrics::forget_model(const std::string& name, const std::string& version) {
  const std::lock_guard lock(mutex_);
  const auto opened = openings_.find({name, version});
  if (opened == openings_.end() || --opened->second > 0) return;
  openings_.erase(opened);
  registry_.remove({{"model", name}, {"version", version}});
}

void ServeMetrics::count_request(std::string_view model, std::string_view version, ProtocolKind protocol, int status) {
  registry_.counters("arete_infer_requests_total")
      .with({model, version, name_of(protocol), std::to_string(status)})
      .add();
}

const ServeMetrics::ExchangeCell& ServeMetrics::cell_of(std::string_view route, std::string_view method, int status) {
  const bool head = method == "HEAD";  // a row answers its own method, and HEAD where that is GET
  const auto is_it = [&](const ExchangeCell& cell) {
    return cell.route == route.data() && cell.status == status && cell.head == head;
  };
  const std::size_t hash = reinterpret_cast<std::uintptr_t>(route.data()) / 16 + static_cast<std::size_t>(status);
  std::atomic<const ExchangeCell*>& place = cells_[hash % kExchangeCells];
  const ExchangeCell* const known = place.load(std::memory_order_acquire);
  if (known != nullptr && is_it(*known)) return *known;
  const std::lock_guard lock(mutex_);
  for (const ExchangeCell& cell : made_) {
    if (is_it(cell)) return cell;
  }
  const ExchangeCell& made = made_.emplace_back(
      ExchangeCell{route.data(), head, status,
                   registry_.counters("arete_http_requests_total").with({route, method, std::to_string(status)}),
                   registry_.histograms("arete_http_duration_seconds").with({route})});
  if (known == nullptr) place.store(&made, std::memory_order_release);
  return made;
}

void ServeMetrics::count_exchange(std::string_view route, std::string_view method, int status, std::int64_t duration_ns,
                                  std::uint64_t bytes_in, std::uint64_t bytes_out) {
  // What matched no row is one, whatever method a stranger thought of.
  if (route.empty()) {
    route = "";
    method = "";
  }
  const ExchangeCell& cell = cell_of(route, method, status);
  cell.requests.add();
  cell.duration.observe(static_cast<double>(duration_ns) / 1e9);
  bytes_in_.add(bytes_in);
  bytes_out_.add(bytes_out);
}

void ServeMetrics::set_models(std::size_t ready, std::uint64_t bytes) {
  registry_.gauges("arete_models_ready").with({}).set(static_cast<double>(ready));
  registry_.gauges("arete_model_memory_bytes").with({}).set(static_cast<double>(bytes));
}

void ServeMetrics::count_load(std::string_view outcome) {
  registry_.counters("arete_model_loads_total").with({outcome}).add();
}

void ServeMetrics::set_build(std::string_view version) { registry_.gauges("arete_build_info").with({version}).set(1); }

std::string ServeMetrics::text() const { return watch::prometheus_text(registry_); }

}  // namespace arete::serve
