// The text for Prometheus: byte for byte, and as the Python client's parser and promtool read it.
#include "watch/prometheus.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/paths.h"

namespace arete::watch {
namespace {

constexpr std::array<double, 3> kBounds = {0.00001, 0.5, 10};
constexpr auto kRows = std::to_array<FamilyRow>({
    {.name = "arete_requests_total",
     .kind = MetricKind::kCounter,
     .help = "Back\\slash and\nnew line.",
     .labels = {"model", "code"}},
    {.name = "arete_memory_bytes", .kind = MetricKind::kGauge, .help = "Memory."},
    {.name = "arete_run_seconds",
     .kind = MetricKind::kHistogram,
     .help = "Runs.",
     .labels = {"model"},
     .bounds = kBounds},
    {.name = "arete_unused_ratio", .kind = MetricKind::kGauge, .help = "Nobody counts it yet.", .labels = {"a"}},
});

constexpr std::string_view kWanted = R"(# HELP arete_requests_total Back\\slash and\nnew line.
# TYPE arete_requests_total counter
arete_requests_total{model="a \"quoted\" \\ one\nand é",code="200"} 18446744073709551615
arete_requests_total{model="b",code=""} 0
# HELP arete_memory_bytes Memory.
# TYPE arete_memory_bytes gauge
arete_memory_bytes 1.5e+10
# HELP arete_run_seconds Runs.
# TYPE arete_run_seconds histogram
arete_run_seconds_bucket{model="m",le="1e-05"} 1
arete_run_seconds_bucket{model="m",le="0.5"} 3
arete_run_seconds_bucket{model="m",le="10"} 3
arete_run_seconds_bucket{model="m",le="+Inf"} 4
arete_run_seconds_sum{model="m"} 40.75
arete_run_seconds_count{model="m"} 4
# HELP arete_unused_ratio Nobody counts it yet.
# TYPE arete_unused_ratio gauge
# HELP arete_metrics_label_sets_refused_total Label sets beyond a family's limit, counted as "other".
# TYPE arete_metrics_label_sets_refused_total counter
arete_metrics_label_sets_refused_total 0
)";

class Prometheus : public testing::Test {
 protected:
  void SetUp() override {
    auto& requests = registry_.counters("arete_requests_total");
    requests.with({"a \"quoted\" \\ one\nand é", "200"}).add(~std::uint64_t{0});
    requests.with({"b", ""});
    registry_.gauges("arete_memory_bytes").with({}).set(1.5e10);
    for (const double value : {0.0, 0.25, 0.5, 40.0})
      registry_.histograms("arete_run_seconds").with({"m"}).observe(value);
  }

  // What a command says of the text, which it reads on its standard input.
  static std::string ask(const std::string& command, const std::string& text, int* status) {
    const std::string base = testing::TempDir() + "/arete_prometheus_" + std::to_string(::getpid());
    std::ofstream(base + ".txt") << text;
    *status = std::system((command + " < '" + base + ".txt' > '" + base + ".out' 2>&1").c_str());
    std::stringstream said;
    said << std::ifstream(base + ".out").rdbuf();
    std::filesystem::remove(base + ".txt");
    std::filesystem::remove(base + ".out");
    return said.str();
  }

  Registry registry_{kRows};
};

TEST_F(Prometheus, WritesTheFormatByteForByte) { EXPECT_EQ(prometheus_text(registry_), kWanted); }

TEST_F(Prometheus, WritesNumbersThatAreNone) {
  auto& gauge = registry_.gauges("arete_memory_bytes").with({});
  for (const auto& [value, text] : {std::pair{std::nan(""), "NaN"}, {HUGE_VAL, "+Inf"}, {-HUGE_VAL, "-Inf"}}) {
    gauge.set(value);
    EXPECT_NE(prometheus_text(registry_).find(std::string("\narete_memory_bytes ") + text + "\n"), std::string::npos);
  }
}

TEST_F(Prometheus, IsReadByThePythonClient) {
  const std::string python = test::source_path("build/venv/bin/python");
  if (!std::filesystem::exists(python)) GTEST_SKIP() << "SKIP: no test venv";
  int status = 0;
  const std::string script = test::source_path("tests/watch/read_metrics.py");
  const std::string said = ask("'" + python + "' '" + script + "'", prometheus_text(registry_), &status);
  ASSERT_EQ(status, 0) << said;
  EXPECT_EQ(
      said,
      "counter arete_requests 'Back\\\\slash and\\nnew line.'\n"
      "arete_requests_total [('code', '200'), ('model', 'a \"quoted\" \\\\ one\\nand é')] 1.8446744073709552e+19\n"
      "arete_requests_total [('code', ''), ('model', 'b')] 0.0\n"
      "gauge arete_memory_bytes 'Memory.'\n"
      "arete_memory_bytes [] 15000000000.0\n"
      "histogram arete_run_seconds 'Runs.'\n"
      "arete_run_seconds_bucket [('le', '1e-05'), ('model', 'm')] 1.0\n"
      "arete_run_seconds_bucket [('le', '0.5'), ('model', 'm')] 3.0\n"
      "arete_run_seconds_bucket [('le', '10'), ('model', 'm')] 3.0\n"
      "arete_run_seconds_bucket [('le', '+Inf'), ('model', 'm')] 4.0\n"
      "arete_run_seconds_sum [('model', 'm')] 40.75\n"
      "arete_run_seconds_count [('model', 'm')] 4.0\n"
      "gauge arete_unused_ratio 'Nobody counts it yet.'\n"
      "counter arete_metrics_label_sets_refused 'Label sets beyond a family\\'s limit, counted as \"other\".'\n"
      "arete_metrics_label_sets_refused_total [] 0.0\n");
}

// Where the machine has it: Debian's package would start a service on a user's machine, so nothing installs it.
#ifdef ARETE_PROMTOOL
TEST_F(Prometheus, PassesPromtool) {
  int status = 0;
  const std::string said = ask(ARETE_PROMTOOL " check metrics", prometheus_text(registry_), &status);
  EXPECT_EQ(status, 0) << said;
  EXPECT_EQ(said, "");
}
#endif

}  // namespace
}  // namespace arete::watch
